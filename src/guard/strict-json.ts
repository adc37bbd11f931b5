/**
 * JSON for signed texts: refuses what two parsers could read differently (a member name twice, a lone surrogate,
 * a byte-order mark) and what is built to exhaust (depth).
 */
export class StrictJsonError extends Error {
  override readonly name = "StrictJsonError";
}

const MAX_DEPTH = 32;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws StrictJsonError */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new StrictJsonError("not valid UTF-8", { cause });
  }
}

/** @throws StrictJsonError */
export function parseStrictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new StrictJsonError("not valid JSON", { cause });
  }
  if (!text.isWellFormed()) throw new StrictJsonError("a lone surrogate");
  refuseAmbiguity(text);
  return value;
}

/** One pass over a text that JSON.parse has accepted: a stack of the member names of every open object. */
function refuseAmbiguity(text: string): void {
  const open: (Set<string> | "array")[] = [];
  let expectsName = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (character === "{" || character === "[") {
      open.push(character === "{" ? new Set() : "array");
      if (open.length > MAX_DEPTH) throw new StrictJsonError(`nested deeper than ${MAX_DEPTH}`);
      expectsName = character === "{";
    } else if (character === "}" || character === "]") {
      open.pop();
      expectsName = false;
    } else if (character === ",") {
      expectsName = open.at(-1) !== "array";
    } else if (character === '"') {
      const end = endOfString(text, at);
      const names = open.at(-1);
      const content = JSON.parse(text.slice(at, end)) as string;
      if (!content.isWellFormed()) throw new StrictJsonError("a lone surrogate");
      if (expectsName && names instanceof Set) {
        if (names.has(content))
          throw new StrictJsonError(`member ${content.slice(0, 64)} comes twice`);
        names.add(content);
      }
      expectsName = false;
      at = end - 1;
    }
  }
}

/** Index behind the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at + 1;
}
