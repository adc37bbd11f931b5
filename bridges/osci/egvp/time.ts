/** Days with legal effect are German days, wherever the gateway runs. */
const ZONE = "Europe/Berlin";
const MOMENT = new Intl.DateTimeFormat("de-DE", {
  timeZone: ZONE,
  dateStyle: "medium",
  timeStyle: "medium",
});
const DAY = new Intl.DateTimeFormat("en-CA", {
  timeZone: ZONE,
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
});

/** `21.11.2026, 04:20:34 Uhr`. */
export function formatMoment(date: Date): string {
  return `${MOMENT.format(date)} Uhr`;
}

/** The German calendar day, `2026-11-21`. */
export function germanDay(date: Date): string {
  const parts = new Map(DAY.formatToParts(date).map(({ type, value }) => [type, value]));
  return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
}

/** Is this a day of the calendar in the form `2026-11-21`? (`2026-02-30` is not.) */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

/** `2026-11-21` → `21.11.2026`. */
export function formatDay(day: string): string {
  return day.split("-").reverse().join(".");
}
