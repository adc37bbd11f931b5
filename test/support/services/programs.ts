import { ensureProgram, findProgram, type ProgramName } from "../../../deploy/tools/debian.mjs";
import { declareUnavailable } from "./availability.ts";

/** Answers nothing when the program is in place, fetching it where no `npm test` has tried before us. */
export async function demandProgram(
  name: ProgramName,
): Promise<{ available: false; reason: string } | undefined> {
  const tried = process.env[`POSTFACH_NO_${name.toUpperCase()}`] !== undefined;
  const found = tried ? findProgram(name) : await ensureProgram(name);
  return "reason" in found ? declareUnavailable(name, found.reason) : undefined;
}
