import { GatewayError } from "../../model/errors.ts";
import type { Sealer } from "../keys.ts";
import type { Database } from "./database.ts";

/** Answers of one list call; callers page on. */
export const MAX_LISTED = 1_000;

/** What every method of the store works with. */
export interface StoreCore {
  readonly db: Database;
  readonly seals: TextSeals;
}

/** Seals texts. Rule: every free text is sealed; ids, states, times and codes are readable columns. */
export interface TextSeals {
  /** `place`: table, row and column; the text opens nowhere else. */
  seal(text: string, place: string): Uint8Array;
  sealOptional(text: string | undefined, place: string): Uint8Array | null;
  open(sealed: Uint8Array, place: string): string;
  openOptional(sealed: Uint8Array | undefined, place: string): string | undefined;
}

export function createTextSeals(sealer: Sealer): TextSeals {
  const seal = (text: string, place: string) => sealer.seal(Buffer.from(text, "utf8"), place);
  const open = (sealed: Uint8Array, place: string) => {
    const plain = sealer.open(sealed, place);
    return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength).toString("utf8");
  };
  return {
    seal,
    open,
    sealOptional: (text, place) => (text === undefined ? null : seal(text, place)),
    openOptional: (sealed, place) => (sealed === undefined ? undefined : open(sealed, place)),
  };
}

/** A limit that a caller asked for, within 1…MAX_LISTED. */
export function boundedLimit(asked: number): number {
  return Math.max(1, Math.min(Math.trunc(asked), MAX_LISTED));
}

export function notFound(what: string): GatewayError {
  return new GatewayError("NOT_FOUND", `there is no ${what}`);
}
