/**
 * Dates of the roll-out: the report gives days, months or quarters and nothing in between (bundid-fink.md §6.1), so a
 * date keeps how exact it is and is never read as more.
 */
export type Precision = "day" | "month" | "quarter" | "year";
export const PRECISIONS = ["day", "month", "quarter", "year"] as const;

export interface PlanDate {
  /** As written: `2020-07-01`, `2020-07`, `2021-Q2` or `2021`. */
  readonly text: string;
  readonly precision: Precision;
  /** First and last day that it may mean, `YYYY-MM-DD`, German calendar days. */
  readonly first: string;
  readonly last: string;
}

const FORM = /^(\d{4})(?:-(?:Q([1-4])|(\d{2})(?:-(\d{2}))?))?$/;

/** undefined: not a date, or one that the calendar does not have. `precision` may only widen what the text says. */
export function parsePlanDate(text: string, precision?: Precision): PlanDate | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, year = "", quarter, month, day] = match;
  if (!isCalendarDay(Number(year), Number(month ?? "1"), Number(day ?? "1"))) return undefined;
  const own = ownPrecision(quarter, month, day);
  const wanted = precision ?? own;
  if (PRECISIONS.indexOf(wanted) < PRECISIONS.indexOf(own)) return undefined;
  const firstMonth = quarter === undefined ? Number(month ?? "1") : Number(quarter) * 3 - 2;
  return { text, precision: wanted, ...span(Number(year), firstMonth, Number(day ?? "1"), wanted) };
}

function ownPrecision(quarter?: string, month?: string, day?: string): Precision {
  if (day !== undefined) return "day";
  if (month !== undefined) return "month";
  return quarter === undefined ? "year" : "quarter";
}

function span(year: number, month: number, day: number, precision: Precision) {
  if (precision === "day") return { first: iso(year, month, day), last: iso(year, month, day) };
  const months = { month: 1, quarter: 3, year: 12 }[precision];
  const from = month - ((month - 1) % months);
  // Day 0 of the month after is the last of this one.
  const last = new Date(Date.UTC(year, from - 1 + months, 0));
  return { first: iso(year, from, 1), last: last.toISOString().slice(0, 10) };
}

function isCalendarDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return year >= 2000 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function iso(year: number, month: number, day: number): string {
  return [String(year), ...[month, day].map((part) => String(part).padStart(2, "0"))].join("-");
}

const berlin = new Intl.DateTimeFormat("sv-SE", { timeZone: "Europe/Berlin", dateStyle: "short" });

/** The calendar day in Germany, `YYYY-MM-DD`. */
export function germanDay(at: Date): string {
  return berlin.format(at);
}

/** Whether the date has certainly come: of a month or quarter, its last day. */
export function hasCome(date: PlanDate, now: Date): boolean {
  return date.last <= germanDay(now);
}

/** `07/2020`, `Q2 2021`, `01.07.2020` or `2021`. */
export function describePlanDate({ precision, first, last }: PlanDate): string {
  const [year = "", month = "", day = ""] = last.split("-");
  if (precision === "year") return year;
  if (precision === "quarter") return `Q${String(Number(month) / 3)} ${year}`;
  return precision === "month" ? `${month}/${year}` : `${day}.${month}.${first.slice(0, 4)}`;
}
