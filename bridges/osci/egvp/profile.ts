import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { readYaml } from "./yaml-file.ts";

/** The form of profiles/egvp.yaml, where the meaning of every entry stands. */

const MAX_CHARACTERS = 200_000;
const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9._-]{0,120}$/, "must be an element name");
const line = z.string().min(1).max(500);
const count = z.int().min(1).max(1_000_000_000);
const pattern = z
  .string()
  .max(300)
  .transform((source, context) => {
    try {
      return new RegExp(source, "u");
    } catch {
      context.addIssue({ code: "custom", message: "must be a regular expression" });
      return z.NEVER;
    }
  });
const role = z.enum(["citizen", "authority", "organisation"]);

const originKind = z.strictObject({
  name,
  issuer: pattern,
  subject: pattern,
  sentence: line,
  role: role.optional(),
});

const form = z.strictObject({
  name: line,
  versions: pattern,
  layout: z.enum(["flat", "choice", "partner"]),
  ownId: name,
  foreignId: name,
  receiptSchema: line,
  rejectionList: line,
  otherKind: name,
});
export type XjustizForm = z.output<typeof form>;

const xjustiz = z.strictObject({
  file: line,
  namespace: line,
  deadline: z.array(name).max(20),
  demanded: z.array(name).min(1).max(20),
  forms: z.array(form).min(1).max(20),
  send: z.strictObject({
    enabled: z.boolean(),
    message: name,
    version: line,
    schema: line,
    documentClassList: line,
    documentClass: line,
    partList: line,
    part: line,
  }),
});

const eeb = z.strictObject({
  message: name,
  kind: line,
  subject: line.includes("{reference}"),
  confirmation: name,
  rejection: name,
  rejectionCode: name,
  rejectionReason: name,
  reasonCharacters: count,
  codes: z
    .array(z.strictObject({ code: z.string().regex(/^\d$/), text: line }))
    .min(1)
    .max(9),
});

export const profileForm = z.strictObject({
  profile: line,
  product: z.strictObject({ name: line, manufacturer: line, registration: z.string().max(100) }),
  header: z.strictObject({ namespace: line, name }),
  kinds: z.strictObject({ ordinary: line, known: z.array(line).min(1).max(50) }),
  level: z.union([z.literal(1), z.literal(2), z.literal(3), z.literal(4)]),
  signatureLevel: line,
  defaultSubject: line,
  noFileNumber: z.array(line).max(100),
  incoming: z.strictObject({
    files: count,
    documents: count,
    documentBytes: count,
    xjustizBytes: count,
    subject: count,
    field: count,
    listed: count,
  }),
  outgoing: z.strictObject({ subject: count, text: count, nameCharacters: line }),
  origin: z.strictObject({
    kinds: z.array(originKind).max(50),
    unknown: line,
    unproved: line.includes("{sentence}"),
  }),
  roles: z.array(z.strictObject({ pattern, role })).max(50),
  xjustiz,
  eeb,
  mediaTypes: z
    .array(
      z.strictObject({
        type: z.string().regex(/^[a-z]+\/[a-z0-9.+-]+$/),
        aliases: z.array(z.string()).max(10).optional(),
        extensions: z
          .array(z.string().regex(/^\.[a-z0-9]{1,10}$/))
          .min(1)
          .max(10),
      }),
    )
    .max(200),
});
export type EgvpProfile = z.output<typeof profileForm>;

/** The profile that comes with the bridge. Read once, when the module is loaded. */
export const EGVP: EgvpProfile = (() => {
  const path = fileURLToPath(new URL("../profiles/egvp.yaml", import.meta.url));
  return readYaml(readFileSync(path, "utf8"), "profiles/egvp.yaml", profileForm, MAX_CHARACTERS)
    .data;
})();

/** How messages of this XJustiz version are written; undefined: no form of the profile fits. */
export function formFor(version: string | undefined): XjustizForm | undefined {
  return EGVP.xjustiz.forms.find(({ versions }) => versions.test(version ?? ""));
}
