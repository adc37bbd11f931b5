import { elementsOf, textOf } from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { writeElement, writeText } from "../../../src/guard/xml-write.ts";
import { decodeBase64, encodeBase64, sizeOfBase64, base64Length } from "./base64.ts";
import { LetterFault } from "./letter-fault.ts";
import type { RefusalStatus } from "./letter-fault.ts";
import type { Profile } from "./profile.ts";
import { parseDocument } from "./read-letter.ts";

/**
 * OK.KOMM: the envelope of the second operation, for sites that insist (bundid-fink.md §1.6). The letter is base64 in it,
 * and the whole is base64 again. Elements are found by name: their exact places in an answer are not public.
 */
const RAW = "OK_KOMM_RAW_BASE64";
const GAP = "postfach-bridge-gap";

/** Document around the base64 of `letter`, itself as base64. */
export async function* wrapLetter(
  letter: AsyncIterable<Uint8Array>,
  profile: Profile,
): AsyncGenerator<Buffer> {
  const [before, after] = frame(profile);
  yield* encodeBase64(
    (async function* () {
      yield Buffer.from(before, "utf8");
      yield* encodeBase64(letter);
      yield Buffer.from(after, "utf8");
    })(),
  );
}
export function wrappedLength(letterBytes: number, profile: Profile): number {
  const [before, after] = frame(profile);
  return base64Length(
    Buffer.byteLength(before) + base64Length(letterBytes) + Buffer.byteLength(after),
  );
}

/** The request without the letter: what stands before and after it. */
function frame({ okkomm }: Profile): readonly [string, string] {
  const action = [
    text("AKT_VERFAHREN", okkomm.procedure),
    text("AKT_TYP", okkomm.type),
    text("AKT_AUSFUEHRUNG", okkomm.action),
    text("AKT_ZIEL_AGS", okkomm.target),
  ].join("");
  return splitAtMark(document(okkomm, writeElement("AKTION", [], action), GAP));
}

/** What an OK.KOMM answer holds: a BspQuittung, or only that it worked or why not. */
export interface OkkommAnswer {
  readonly ok: boolean;
  readonly receipt?: Buffer;
  /** Code of table 9006, when the error names one. */
  readonly status?: string;
  readonly text?: string;
}

/** Our answer as base64: the receipt inside, and in OK.KOMM's own words. */
export function writeOkkommAnswer(
  receipt: string,
  outcome: { readonly accepted: boolean; readonly status: string; readonly hints?: string },
  { okkomm }: Profile,
): string {
  const { accepted, status, hints } = outcome;
  const answer = writeElement("ANTWORT", [], text("ANT_TYP", accepted ? okkomm.ok : okkomm.failed));
  const failure = accepted
    ? ""
    : writeElement("FEHLER", [], text("FEH_TYP", status) + text("FEH_TEXT", hints ?? ""));
  const raw = Buffer.from(receipt, "utf8").toString("base64");
  return Buffer.from(document(okkomm, answer + failure, raw), "utf8").toString("base64");
}

/** The BspNachricht inside. @throws LetterFault 10 (schema), 11 (parameters) */
export async function unwrapLetter(
  base64: string,
  profile: Profile,
  signal?: AbortSignal,
): Promise<Buffer> {
  const fields = await readFields(base64, profile.limits.requestBytes, "10", signal);
  const { okkomm } = profile;
  for (const [name, expected] of [
    ["AKT_VERFAHREN", okkomm.procedure],
    ["AKT_TYP", okkomm.type],
    ["AKT_AUSFUEHRUNG", okkomm.action],
  ] as const) {
    const value = fields.get(name);
    if (value === undefined) throw new LetterFault("10", name, "is missing");
    if (value.trim() !== expected) throw new LetterFault("11", name, "has another value");
  }
  return decodeRaw(fields.get(RAW), "10");
}

/** @throws LetterFault 10 when it is no OK.KOMM answer */
export async function readOkkommAnswer(
  base64: string,
  profile: Profile,
  signal?: AbortSignal,
): Promise<OkkommAnswer> {
  const fields = await readFields(base64, profile.limits.answerBytes, "10", signal);
  const word = fields.get("ANT_TYP")?.trim();
  const { ok, failed } = profile.okkomm;
  if (word !== ok && word !== failed) throw new LetterFault("10", "ANT_TYP", "has another value");
  const raw = fields.get(RAW);
  const type = /^\s*(?:BSP1)?0*(\d{1,3})\s*$/.exec(fields.get("FEH_TYP") ?? "")?.[1];
  const said = fields.get("FEH_TEXT");
  return {
    ok: word === ok,
    ...(raw === undefined || raw.trim() === "" ? {} : { receipt: decodeRaw(raw, "10") }),
    ...(type === undefined ? {} : { status: type }),
    ...(said === undefined ? {} : { text: said }),
  };
}

/** Texts of the elements by their local name. One that occurs twice has no meaning: refused. */
async function readFields(
  base64: string,
  maxBytes: number,
  status: RefusalStatus,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const root = await parseDocument(decodeRaw(base64, status), maxBytes, signal).catch(
    (error: unknown) => {
      if (!(error instanceof LetterFault)) throw error;
      throw new LetterFault(status, "ZKOCXML", error.message, { cause: error });
    },
  );
  if (root.local !== "ZKOCXML") throw new LetterFault(status, "ZKOCXML", "is not the root element");
  const fields = new Map<string, string>();
  for (const element of elementsOf(root)) {
    if (isGroup(element)) continue;
    if (fields.has(element.local))
      throw new LetterFault(status, "ZKOCXML", "an element occurs twice");
    fields.set(element.local, textOf(element));
  }
  return fields;
}
function isGroup({ children }: XmlElement): boolean {
  return children.some(({ kind }) => kind === "element");
}

function decodeRaw(base64: string | undefined, status: RefusalStatus): Buffer {
  if (base64 === undefined || sizeOfBase64(base64) === undefined)
    throw new LetterFault(status, RAW, "is missing or not base64");
  return Buffer.concat([...decodeBase64(base64)]);
}

function document({ namespace }: Profile["okkomm"], systemPart: string, raw: string): string {
  const system = writeElement("XML_SYSTEM", [], writeElement("SYSTEM", [], systemPart));
  const search = writeElement("SUCHE", [], writeElement(RAW, [], raw));
  const root = namespace === "" ? [] : ([["xmlns", namespace]] as const);
  return writeElement("ZKOCXML", root, system + writeElement("XML_PROFIL", [], search));
}
function splitAtMark(whole: string): readonly [string, string] {
  const at = whole.indexOf(GAP);
  return [whole.slice(0, at), whole.slice(at + GAP.length)];
}
function text(name: string, value: string): string {
  return writeElement(name, [], writeText(value));
}
