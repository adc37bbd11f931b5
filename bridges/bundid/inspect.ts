import { readFile } from "node:fs/promises";
import type { Inspection, InspectOptions } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import { describeState, parseState } from "./application-state.ts";
import { messageOf } from "./codec.ts";
import { pairFiles, readSigned } from "./inlet-checks.ts";
import type { Signer } from "./inlet-checks.ts";
import { CheckList } from "./inspect-checks.ts";
import { filesFrom, readInput } from "./inspect-input.ts";
import type { InspectedInput } from "./inspect-input.ts";
import { commonNameOf, isUsable, parseCertificate } from "./keys.ts";
import { parseLetter } from "./letter.ts";
import type { Letter } from "./letter.ts";
import { BUILT_IN, parseProfile } from "./profile.ts";
import type { Profile } from "./profile.ts";
import { expiryOf, verifyToken } from "./token.ts";
import { decodeUtf8, parseStrictJson } from "../../src/guard/strict-json.ts";
import { memberOf } from "./value-path.ts";

/** Reads one ZBP message as it stands on the wire or on disk, with the same checks as the inlet. No network, no store. */
export const INSPECT_OPTIONS = {
  cert: "certificate (PEM) of the sender: verifies signature and token",
  files: "folder with the attachments, when the file is the JSON part only",
  profile: "profile file, when it is not the built-in zbp-v6",
} as const;

export async function inspectFile(file: string, given: InspectOptions): Promise<Inspection> {
  const { options } = given;
  const profile =
    options["profile"] === undefined
      ? BUILT_IN
      : parseProfile(await readFile(options["profile"], "utf8"), options["profile"]);
  const peer = options["cert"] === undefined ? undefined : await loadPeer(options["cert"]);
  const checks = new CheckList();
  const facts: Record<string, unknown> = {};
  let message: Inspection["message"];
  let kind = "unknown";
  await checks.until(async () => {
    const input = await checks.step("form", () => readInput(file, profile), describeForm);
    kind = input.kind;
    await checkSender(checks, input, peer, profile, given.now, facts);
    const content = await checks.step(
      "signature",
      () => contentOf(input, peer, profile),
      () =>
        peer === undefined ? "not checked: no --cert" : "RSA with SHA-512 over the embedded text",
    );
    if (input.kind === "application-state") {
      const state = await checks.step("schema", () => parseState(content, profile));
      Object.assign(facts, { status: state.status, shown: describeState(state) });
      return;
    }
    const letter = await checks.step("schema", () => parseLetter(content, profile));
    const files = await checkFiles(checks, input, letter, options["files"], profile);
    message = messageOf(
      letter,
      {
        sourceId: letter.reference ?? file,
        signer: peer?.cn ?? "unknown",
        receivedAt: given.now,
        files,
        replyPolicy: letter.routing === undefined ? "forbidden" : "possible",
      },
      profile,
    );
  });
  return {
    kind: `zbp ${kind}`,
    checks: checks.results,
    facts: { profile: profile.profile, ...facts },
    ...(message === undefined ? {} : { message }),
    ...(checks.code === undefined ? {} : { code: checks.code }),
  };
}

function describeForm({ form, files }: InspectedInput): string {
  return form === "json" ? "JSON part" : `${form}, ${files.length} file(s)`;
}

/** Certificate and token at the time at which the token was made: a kept request is always older than its token. */
async function checkSender(
  checks: CheckList,
  input: InspectedInput,
  peer: Signer | undefined,
  profile: Profile,
  now: Date,
  facts: Record<string, unknown>,
): Promise<void> {
  const expiry = input.token === undefined ? undefined : expiryOf(input.token);
  if (expiry !== undefined) facts["tokenExpires"] = expiry.toISOString();
  if (peer === undefined) return;
  facts["signer"] = peer.cn;
  const lifetime = profile.auth.jwt.lifetimeSeconds * 1000;
  const then = expiry === undefined ? now : new Date(expiry.getTime() - lifetime);
  await checks.step(
    "certificate",
    () => {
      if (!isUsable(peer.certificate, then))
        throw new GatewayError(
          "CERTIFICATE_INVALID",
          "not valid at that time, or its key too short",
        );
    },
    () => `${peer.cn}, until ${peer.certificate.validToDate.toISOString()}`,
  );
  if (input.token === undefined) return;
  const { token } = input;
  const expected = { cn: peer.cn, publicKey: peer.certificate.publicKey };
  await checks.step(
    "token",
    () => verifyToken(token, expected, profile, then),
    ({ issuedAt, expiresAt }) =>
      `${issuedAt.toISOString()} to ${expiresAt.toISOString()}${expiresAt < now ? " (over)" : ""}`,
  );
}

function contentOf({ json }: InspectedInput, peer: Signer | undefined, profile: Profile): string {
  const value = parseStrictJson(decodeUtf8(json));
  const content = memberOf(value, profile.signature.payloadMember);
  const isEnvelope = memberOf(value, profile.signature.member) !== undefined;
  if (peer !== undefined) return readSigned(json, peer, profile);
  return isEnvelope && typeof content === "string" ? content : json.toString("utf8");
}

async function checkFiles(
  checks: CheckList,
  input: InspectedInput,
  letter: Letter,
  folder: string | undefined,
  profile: Profile,
) {
  const missing = input.form === "json" && folder === undefined && letter.attachments.length > 0;
  return checks.step(
    "files",
    async () => {
      if (missing) return [];
      const arrived =
        input.form === "json" && folder !== undefined
          ? await filesFrom(folder, letter.attachments, profile)
          : input.files;
      return pairFiles(letter.attachments, arrived, profile).map(({ file, mediaType }) => ({
        name: file.name,
        mediaType,
        blob: file.blob,
      }));
    },
    (found) => (missing ? "not checked: no --files" : `${found.length} as declared`),
  );
}

async function loadPeer(path: string): Promise<Signer> {
  const certificate = parseCertificate(await readFile(path, "utf8"), path);
  const cn = commonNameOf(certificate);
  if (cn === undefined)
    throw new GatewayError("CERTIFICATE_INVALID", `${path}: no single subject CN`);
  return { certificate, cn };
}
