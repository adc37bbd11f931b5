import { ERRORS, type ErrorCode, GatewayError } from "../../model/errors.ts";
import type { BlobRef, Side } from "../../model/message.ts";
import type { Row, SqlValue } from "./database.ts";

/** Typed access to a row. A value of another type means that the schema and the code disagree: INTERNAL. */

export function textOf(row: Row, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : wrong(column);
}
export function numberOf(row: Row, column: string): number {
  const value = row[column];
  return typeof value === "number" ? value : wrong(column);
}
export function bytesOf(row: Row, column: string): Uint8Array {
  const value = row[column];
  return value instanceof Uint8Array ? value : wrong(column);
}
export function timeOf(row: Row, column: string): Date {
  return new Date(numberOf(row, column));
}
export function optionalText(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : textOf(row, column);
}
export function optionalNumber(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : numberOf(row, column);
}
export function optionalTime(row: Row, column: string): Date | undefined {
  return row[column] === null ? undefined : timeOf(row, column);
}
export function optionalBytes(row: Row, column: string): Uint8Array | undefined {
  return row[column] === null ? undefined : bytesOf(row, column);
}

/** A word out of a fixed list, such as a state. */
export function wordOf<const W extends string>(row: Row, column: string, words: readonly W[]): W {
  const value = textOf(row, column);
  return words.find((word) => word === value) ?? wrong(column);
}
export function sideOf(row: Row, column: string): Side {
  return wordOf(row, column, ["legacy", "matrix"]);
}
export function codeOf(row: Row, column: string): ErrorCode {
  const value = textOf(row, column);
  return isCode(value) ? value : "INTERNAL";
}
export function optionalCode(row: Row, column: string): ErrorCode | undefined {
  return row[column] === null ? undefined : codeOf(row, column);
}
/** From the columns `<name>_digest` and `<name>_size`. */
export function optionalBlob(row: Row, name: string): BlobRef | undefined {
  const digest = optionalText(row, `${name}_digest`);
  if (digest === undefined) return undefined;
  if (!isDigest(digest)) return wrong(`${name}_digest`);
  return { digest, size: numberOf(row, `${name}_size`) };
}
/** The two columns of an optional blob. */
export function blobColumns(blob: BlobRef | undefined): [SqlValue, SqlValue] {
  return blob ? [blob.digest, blob.size] : [null, null];
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };
/** Leaves out what is undefined, for types whose optional properties are absent rather than undefined. */
export function given<T extends object>(fields: T): Given<T> {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Given<T>;
}

function isCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}
function isDigest(value: string): value is BlobRef["digest"] {
  return /^sha256:[0-9a-f]{64}$/.test(value);
}
function wrong(column: string): never {
  throw new GatewayError("INTERNAL", `column '${column}' holds another type than expected`);
}
