import { readFileSync, statSync } from "node:fs";
import { GatewayError } from "../model/errors.ts";

const MAX_INPUT_BYTES = 16_000_000;

/** A text file named on the command line; `-`: standard input. Throws NOT_FOUND, INPUT_INVALID. */
export function readInput(file: string): string {
  const name = file === "-" ? "standard input" : file;
  try {
    if (file !== "-" && statSync(file).size > MAX_INPUT_BYTES)
      throw new GatewayError("INPUT_INVALID", `${name} is larger than ${MAX_INPUT_BYTES} bytes`);
    const bytes = readFileSync(file === "-" ? 0 : file);
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    if (cause instanceof TypeError)
      throw new GatewayError("INPUT_INVALID", `${name} is not UTF-8`, { cause });
    throw new GatewayError("NOT_FOUND", `${name} cannot be read: ${String(cause)}`, { cause });
  }
}
