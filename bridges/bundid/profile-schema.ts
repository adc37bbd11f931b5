import { z } from "zod";
import { ERRORS } from "../../src/model/errors.ts";
import type { ErrorCode } from "../../src/model/errors.ts";

/** The form of a profile file. What each entry means stands beside its value in profiles/zbp-v6.yaml. */

const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_-]{0,63}$/, "must be a member name");
/** `$.a.b` or `$.a[*].b`; the first value found counts. */
const valuePath = z
  .string()
  .regex(
    /^\$(\.[A-Za-z0-9_-]{1,64}(\[\*\])?)+$/,
    "must be a path such as $.id or $.errors[*].text",
  );
const method = z.enum(["GET", "HEAD", "OPTIONS", "POST", "PUT"]);
const urlPath = z.string().regex(/^\/[\x21-\x7e]{0,200}$/, "must begin with /");
const status = z.int().min(200).max(599);
const statuses = z.array(status).max(20);
const characters = z.int().min(1).max(100_000);
const bytes = z.int().min(1).max(1_000_000_000);
const words = z.array(z.string().min(2).max(100)).max(50);

const errorCode = z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]);
const errorRule = z.strictObject({
  code: errorCode,
  fault: z.enum(["transient", "permanent", "unknown"]),
  json: z.boolean().default(false),
});
export type ErrorRule = z.output<typeof errorRule>;

const auth = z.strictObject({
  header: name,
  scheme: name,
  jwt: z.strictObject({
    algorithm: z.enum(["RS512", "RS384", "RS256", "PS512", "PS384", "PS256"]),
    type: name,
    lifetimeSeconds: z.int().min(30).max(86_400),
    signerClaim: name,
    rolesClaim: name,
    roles: z.array(name).min(1).max(10),
    skewSeconds: z.int().min(0).max(600),
  }),
});

const replies = z.strictObject({
  list: z.strictObject({
    method,
    path: urlPath,
    limitQuery: name,
    limit: z.int().min(1).max(100),
    items: name,
  }),
  file: z.strictObject({ method, path: urlPath, firstIndex: z.int().min(0).max(1) }),
  ack: z.strictObject({
    method,
    path: urlPath,
    ok: statuses.min(1),
    alreadyFinal: statuses,
    statusMember: name,
    problemMember: name,
  }),
  status: z.strictObject({
    new: name,
    collected: name,
    accepted: name,
    rejected: name,
    error: name,
  }),
  members: z.strictObject({
    id: name,
    routing: name,
    mailbox: name,
    createdAt: name,
    title: name,
    body: name,
    attachments: name,
    mediaType: name,
    status: name,
  }),
});

const fields = z.strictObject({
  mailbox: name,
  level: name,
  sender: name,
  title: name,
  body: name,
  service: name,
  url: name,
  reference: name,
  receiptAddress: name,
  replyAddress: name,
  application: name,
  routing: name,
  attachments: name,
  attachmentName: name,
  attachmentDigest: name,
  attachmentLength: name,
});

const limits = z.strictObject({
  title: characters,
  sender: characters,
  service: characters,
  url: characters,
  reference: characters,
  address: characters,
  routing: characters,
  bodyBytes: bytes,
  files: z.int().min(0).max(1_000),
  fileBytes: bytes,
  fileName: z.int().min(8).max(4_000),
  forbiddenInFileName: z.string().max(50),
  fileNameReplacement: z.string().length(1),
  requestBytes: bytes,
  html: z.strictObject({
    tags: z.array(z.string().regex(/^[a-z][a-z0-9]{0,15}$/)).max(50),
    attributes: z.record(z.string(), z.array(z.string().regex(/^[a-z-]{1,30}$/)).max(20)),
    schemes: z.array(z.enum(["https", "http", "mailto"])).max(3),
  }),
});

const state = z.strictObject({
  method,
  path: urlPath,
  ok: statuses.min(1),
  requestBytes: bytes,
  fields: z.strictObject({
    application: name,
    status: name,
    service: name,
    sender: name,
    details: name,
    information: name,
    reference: name,
    createdAt: name,
  }),
  language: z.string().regex(/^[a-z]{2}$/),
  statuses: z.array(name).min(1).max(20),
  limits: z.strictObject({
    service: characters,
    sender: characters,
    details: characters,
    information: characters,
    reference: characters,
  }),
});

export const profileSchema = z.strictObject({
  profile: z.string().min(1).max(64),
  auth,
  signature: z.strictObject({
    algorithm: z.enum(["RSASSA-PKCS1-v1_5-SHA512", "RSASSA-PSS-SHA512"]),
    payloadMember: name,
    member: name,
  }),
  send: z.strictObject({
    method,
    path: urlPath,
    jsonPart: name,
    jsonType: z.string().min(3).max(100),
    filePart: name,
    ok: statuses.min(1),
  }),
  ping: z.strictObject({ method: z.enum(["GET", "HEAD", "OPTIONS"]), path: urlPath }),
  probe: z.strictObject({
    enabled: z.boolean(),
    method,
    path: urlPath.includes("{uuid}"),
    existsOn: statuses.min(1),
    missingOn: statuses,
    members: z.strictObject({ accepts: name, replies: name }),
  }),
  find: z.strictObject({
    enabled: z.boolean(),
    method,
    path: urlPath,
    query: name,
    items: valuePath,
    id: valuePath,
    reference: valuePath,
    routing: valuePath,
    longestList: z.int().min(1).max(10_000),
  }),
  replies,
  answer: z.strictObject({
    id: valuePath,
    receivedAt: valuePath,
    code: valuePath,
    field: valuePath,
    problem: z.array(valuePath).min(1).max(10),
  }),
  fields,
  body: z.strictObject({ text: z.enum(["html", "plain"]) }),
  limits,
  mediaTypes: z
    .array(
      z.strictObject({
        type: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
        standard: z.string().optional(),
        aliases: z.array(z.string()).max(10).optional(),
        extensions: z
          .array(z.string().regex(/^\.[a-z0-9]{1,10}$/))
          .min(1)
          .max(10),
      }),
    )
    .max(100),
  errors: z.record(
    z
      .string()
      .regex(/^([2-5]\d\d|[2-5]xx)$/, "must be a status such as 404 or a class such as 4xx"),
    errorRule,
  ),
  state,
  mail: z.strictObject({
    prefix: z.string().regex(/^[a-z0-9]{1,4}\+$/, "must be at most 4 characters and a plus sign"),
    retrieved: words.min(1),
    gone: words.min(1),
  }),
});

export type Profile = z.output<typeof profileSchema>;
