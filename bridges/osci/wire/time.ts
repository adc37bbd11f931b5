import { malformed } from "./errors.ts";

/** A point in time as a message states it. */
export interface StatedTime {
  /** As written: what counts as evidence. */
  readonly text: string;
  /** undefined when no time zone is given: then it is no point in time. */
  readonly at: Date | undefined;
}

const dateTime = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(\.\d{1,12})?(Z|[+-]\d{2}:\d{2})?$/;

/** xsd:dateTime. */
export function readTime(text: string): StatedTime {
  const trimmed = text.trim();
  const [, seconds, fraction = "", zone] = dateTime.exec(trimmed) ?? [];
  if (seconds === undefined) throw malformed("a time is not written as xsd:dateTime");
  if (zone === undefined) return { text: trimmed, at: undefined };
  const at = new Date(`${seconds}${fraction.slice(0, 4)}${zone}`);
  if (Number.isNaN(at.getTime())) throw malformed("a time does not exist");
  return { text: trimmed, at };
}
