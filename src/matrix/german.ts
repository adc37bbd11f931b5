/** What people read in rooms: German, in the time of Berlin. */
const clock = new Intl.DateTimeFormat("de-DE", {
  timeZone: "Europe/Berlin",
  day: "2-digit",
  month: "2-digit",
  year: "numeric",
  hour: "2-digit",
  minute: "2-digit",
});

/** "21.11.2026, 23:59 Uhr" */
export function formatTime(at: Date): string {
  return `${clock.format(at)} Uhr`;
}

/** A calendar date in ISO form as people write it here; anything else stays as it is. */
export function formatDate(date: string): string {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date) ?? [];
  return year === undefined ? date : `${day}.${month}.${year}`;
}

/**
 * Words from outside as one line of ours: no line breaks that could pass for a line of the gateway, nothing invisible,
 * nothing that turns the direction of writing. Cut to so many characters, visibly.
 */
export function oneLine(text: string, limit: number): string {
  const plain = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/[\p{Cf}\p{Cs}]/gu, "")
    .trim();
  const letters = Array.from(plain);
  return letters.length <= limit ? plain : `${letters.slice(0, limit - 1).join("")}…`;
}
