/**
 * Calendar days in Germany (Europe/Berlin), as `2026-03-29`. Days are counted in the calendar, never in hours: a day of
 * the clock change has 23 or 25 of them.
 */
export type Day = `${number}-${number}-${number}`;

const ZONE = "Europe/Berlin";
const parts = new Intl.DateTimeFormat("en-CA", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
});
const spoken = new Intl.DateTimeFormat("de-DE", {
  timeZone: "UTC",
  weekday: "long",
  day: "2-digit",
  month: "2-digit",
  year: "numeric",
});

/** The day on which this moment falls in Germany. */
export function dayOf(moment: Date): Day {
  return parts.format(moment) as Day;
}

/** Throws RangeError for a day that the calendar does not have. */
export function parseDay(text: string): Day {
  if (!isDay(text)) throw new RangeError(`${JSON.stringify(text)} is no day such as 2026-03-29`);
  return text;
}

export function isDay(text: string): text is Day {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text);
}

/** `count` may be negative. */
export function addDays(day: Day, count: number): Day {
  const at = noonUtc(day);
  at.setUTCDate(at.getUTCDate() + count);
  return at.toISOString().slice(0, 10) as Day;
}

/** 0 Sunday … 6 Saturday. */
export function weekdayOf(day: Day): number {
  return noonUtc(day).getUTCDay();
}

/** The moment at which the day begins in Germany. */
export function startOfDay(day: Day): Date {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Germany is one or two hours ahead of UTC; the change of the clocks itself is at 01:00 UTC, never at midnight.
  const [summer, winter] = [2, 1].map((hours) => new Date(midnight - hours * 3_600_000));
  return summer && dayOf(summer) === day ? summer : (winter ?? new Date(midnight));
}

/** `Freitag, 06.06.2025` */
export function spokenDay(day: Day): string {
  return spoken.format(noonUtc(day));
}

function noonUtc(day: Day): Date {
  return new Date(`${day}T12:00:00Z`);
}
