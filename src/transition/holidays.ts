import { addDays, weekdayOf, type Day } from "./berlin.ts";

/** Public holidays in all of Germany. Those of one Land only come from the configuration. */
export function isNationalHoliday(day: Day): boolean {
  if (FIXED.has(day.slice(5))) return true;
  const easter = easterOf(Number(day.slice(0, 4)));
  return MOVABLE.some((distance) => addDays(easter, distance) === day);
}

/** New Year, Labour Day, German Unity, both days of Christmas. */
const FIXED = new Set(["01-01", "05-01", "10-03", "12-25", "12-26"]);
/** Days from Easter Sunday: Good Friday, Easter Monday, Ascension, Whit Monday. */
const MOVABLE = [-2, 1, 39, 50];

/** Saturday, Sunday, a national holiday, or one of `more`. */
export function isWorkingDay(day: Day, more: ReadonlySet<string> = new Set()): boolean {
  const weekday = weekdayOf(day);
  return weekday !== 0 && weekday !== 6 && !isNationalHoliday(day) && !more.has(day);
}

/** A row of holidays longer than this is a fault of the configuration. */
const MAX_SHIFT = 31;

/** The day itself, or the next working day. Throws RangeError when there is none within a month. */
export function nextWorkingDay(day: Day, more: ReadonlySet<string> = new Set()): Day {
  for (let n = 0; n <= MAX_SHIFT; n += 1) {
    const candidate = addDays(day, n);
    if (isWorkingDay(candidate, more)) return candidate;
  }
  throw new RangeError(`no working day within ${MAX_SHIFT} days after ${day}`);
}

/** Easter Sunday in the Gregorian calendar, by Gauss's rule in the form of Lichtenberg (valid for every year). */
export function easterOf(year: number): Day {
  const century = Math.floor(year / 100);
  const secular = 15 + Math.floor((3 * century + 3) / 4) - Math.floor((8 * century + 13) / 25);
  const sunShift = 2 - Math.floor((3 * century + 3) / 4);
  const moon = year % 19;
  const seed = (19 * moon + secular) % 30;
  const correction = Math.floor((seed + Math.floor(moon / 11)) / 29);
  const fullMoon = 21 + seed - correction;
  const firstSunday = 7 - ((year + Math.floor(year / 4) + sunShift) % 7);
  const distance = 7 - ((fullMoon - firstSunday) % 7);
  // Counted from the last day of February on: 1 is the first of March.
  return addDays(`${String(year).padStart(4, "0")}-03-01` as Day, fullMoon + distance - 1);
}
