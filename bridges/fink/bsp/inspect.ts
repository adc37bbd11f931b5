import { createHash } from "node:crypto";
import type { Check, Inspection } from "../../../src/bridge/contract.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import type { ErrorCode } from "../../../src/model/errors.ts";
import type { Attachment, IncomingMessage } from "../../../src/model/message.ts";
import { messageOf } from "./codec.ts";
import { readAnswer, readRequest, SoapFault } from "./envelope.ts";
import { checkFiles } from "./file-rules.ts";
import type { CheckedFile } from "./file-rules.ts";
import { LetterFault } from "./letter-fault.ts";
import { checkLetter } from "./letter-rules.ts";
import { OPERATIONS } from "./names.ts";
import { unwrapLetter } from "./okkomm.ts";
import type { Profile } from "./profile.ts";
import { resultOf } from "./profile.ts";
import { parseReceipt } from "./quittung.ts";
import { readLetter } from "./read-letter.ts";
import type { ArrivedLetter } from "./read-letter.ts";

/** Roots of documents that this inspection knows. */
export const BSP_ROOTS = ["BspNachricht", "BspQuittung", "Envelope"] as const;

/** Step after step; the first that fails is the last. */
class Checks {
  readonly results: Check[] = [];
  code: ErrorCode | undefined;
  async step<T>(
    name: string,
    run: () => T | Promise<T>,
    describe: (value: T) => string = () => "",
  ): Promise<T | undefined> {
    if (this.code !== undefined) return undefined;
    try {
      const value = await run();
      const detail = describe(value);
      this.results.push({ name, ok: true, ...(detail === "" ? {} : { detail }) });
      return value;
    } catch (error) {
      if (!isKnown(error)) throw error;
      this.code = error instanceof SoapFault ? "INPUT_INVALID" : error.code;
      this.results.push({ name, ok: false, detail: describeFault(error) });
      return undefined;
    }
  }
}
type KnownFault = LetterFault | SoapFault | GatewayError;
function isKnown(error: unknown): error is KnownFault {
  return (
    error instanceof LetterFault || error instanceof SoapFault || error instanceof GatewayError
  );
}
function describeFault(error: KnownFault): string {
  return error instanceof LetterFault ? `${error.status}: ${error.message}` : error.message;
}

/** Reads one document as it stands on the wire or in a file. Nothing is stored, nothing is sent. */
export async function inspectBsp(
  bytes: Buffer,
  root: (typeof BSP_ROOTS)[number],
  file: string,
  profile: Profile,
  now: Date,
): Promise<Inspection> {
  const checks = new Checks();
  if (root === "BspQuittung") return inspectReceipt(checks, bytes, profile);
  let xml: string | Buffer | undefined = bytes;
  if (root === "Envelope") {
    const answer = await readAnswer(bytes, OPERATIONS.sendBspNachrichtNative, bytes.length);
    if (answer?.payload !== undefined)
      return inspectReceipt(checks, Buffer.from(answer.payload, "utf8"), profile);
    xml = await checks.step("envelope", () => openEnvelope(bytes, profile));
  }
  const letter =
    xml === undefined
      ? undefined
      : await checks.step("schema", () => readLetter(xml, profile), describeLetter);
  const message = letter && (await inspectLetter(checks, letter, file, profile, now));
  return result(
    "BspNachricht",
    checks,
    profile,
    {
      ...(letter === undefined ? {} : factsOf(letter)),
      ...(checks.code === undefined ? {} : { refusedWith: statusOf(checks) }),
    },
    message,
  );
}

async function openEnvelope(bytes: Buffer, profile: Profile): Promise<string | Buffer> {
  const { operation, payload } = await readRequest(bytes, profile.limits.requestBytes);
  return operation.name === "sendBspNachrichtNative" ? payload : unwrapLetter(payload, profile);
}

async function inspectLetter(
  checks: Checks,
  letter: ArrivedLetter,
  name: string,
  profile: Profile,
  now: Date,
): Promise<IncomingMessage | undefined> {
  await checks.step("rules", () => checkLetter(letter, profile));
  const files = await checks.step(
    "files",
    () => checkFiles(letter.files, profile),
    (checked) =>
      checked.map((one) => `${one.name} (${one.mediaType}, ${one.size} bytes)`).join(", "),
  );
  if (files === undefined) return undefined;
  const arrival = {
    sourceId: letter.id === "" ? name : letter.id,
    peer: { name: "unknown" },
    receivedAt: now,
    files: files.map(measure),
  };
  return messageOf(letter, arrival, profile);
}

function measure({ name, mediaType, size, read }: CheckedFile): Attachment {
  const hash = createHash("sha256");
  for (const chunk of read()) hash.update(chunk);
  return { name, mediaType, blob: { digest: `sha256:${hash.digest("hex")}`, size } };
}

async function inspectReceipt(
  checks: Checks,
  bytes: Buffer,
  profile: Profile,
): Promise<Inspection> {
  const receipt = await checks.step("schema", () => parseReceipt(bytes, profile));
  const facts: Record<string, unknown> = {};
  if (receipt !== undefined) {
    const { accepted, status, hints } = receipt;
    const positive = status === profile.accepted;
    await checks.step("result", () => {
      if (accepted !== positive)
        throw new GatewayError("REMOTE_ANSWER_INVALID", "AnnahmeErfolgreich contradicts the code");
    });
    const meaning = positive ? profile.acceptedText : resultOf(status, profile).text;
    Object.assign(facts, { accepted, status, meaning, ...(hints === undefined ? {} : { hints }) });
    if (!positive) Object.assign(facts, { outcome: resultOf(status, profile).fault });
  }
  return result("BspQuittung", checks, profile, facts);
}

function describeLetter({ version, issue, files }: ArrivedLetter): string {
  return `version ${version} of ${issue}, ${files.length} file(s)`;
}
function factsOf(letter: ArrivedLetter): Record<string, unknown> {
  const { version, issue, product, id, createdAt, encoding, answerTo, forwardOf } = letter;
  const given = { product, answerTo, forwardOf };
  const known = Object.entries(given).filter(([, value]) => value !== undefined);
  return {
    version,
    fassung: issue,
    nachrichtenId: id,
    erstellt: createdAt.toISOString(),
    encoding,
    ...Object.fromEntries(known),
  };
}
/** What our server would answer. */
function statusOf({ results }: Checks): string {
  return /^(\d+):/.exec(results.at(-1)?.detail ?? "")?.[1] ?? "fault";
}

function result(
  kind: string,
  checks: Checks,
  { profile }: Profile,
  facts: Record<string, unknown>,
  message?: IncomingMessage,
): Inspection {
  return {
    kind,
    checks: checks.results,
    facts: { profile, ...facts },
    ...(message === undefined ? {} : { message }),
    ...(checks.code === undefined ? {} : { code: checks.code }),
  };
}
