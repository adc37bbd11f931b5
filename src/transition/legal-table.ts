import type { Day } from "./berlin.ts";

/** From when on a written decision counts as notified, by legal basis and time. (bundid-fink.md §5) */
export interface ClockRule {
  /** Short name; a letter's legal basis is matched with it (`basisOf`). */
  readonly basis: string;
  /** Holds for what was made available on this day or later, until the next row of the same basis. */
  readonly validFrom: Day;
  /** What starts the count: being made available, or being retrieved. */
  readonly start: "available" | "retrieved";
  /** Calendar days after that day. */
  readonly days: number;
  /** Move the end from a weekend or holiday to the next working day. Off: the fiction knows no such shift (L9). */
  readonly shiftNonWorking: boolean;
  /** When the same decision is made available again: does an earlier first retrieval count instead? (L7) */
  readonly firstRetrieval: boolean;
  /** Retrieved later than so many days after being made available, it does not count as notified (L8). */
  readonly watchdogDays?: number;
  /** The rule as it is shown in the room. German. */
  readonly text: string;
  /** An open legal question that the operator has to know of. */
  readonly openQuestion?: string;
}

/** For rules whose beginning lies before anything that this gateway can have delivered. */
const SINCE_EVER: Day = "1970-01-01";
/** The Postal Law Modernisation Act raised three days to four (L4). */
const POSTAL_REFORM: Day = "2025-01-01";

export const OZG_QUESTION =
  "§ 9 OZG: the statute of 24.07.2024 says the third day, the guidance of January 2025 the fourth; " +
  "whether the postal reform changed § 9 OZG is not confirmed. Have it decided by your legal department";

const plain = { start: "available", shiftNonWorking: false, firstRetrieval: false } as const;

/** (bundid-fink.md §5, L3, L4, L7–L9) */
export const LEGAL_TABLE: readonly ClockRule[] = [
  {
    ...plain,
    basis: "ozg-9",
    validFrom: SINCE_EVER,
    days: 3,
    firstRetrieval: true,
    text: "§ 9 OZG: dritter Tag nach der Bereitstellung",
  },
  {
    ...plain,
    basis: "ozg-9",
    validFrom: POSTAL_REFORM,
    days: 4,
    firstRetrieval: true,
    text: "§ 9 OZG: vierter Tag nach der Bereitstellung",
    openQuestion: OZG_QUESTION,
  },
  {
    ...plain,
    basis: "vwvfg-41-2",
    validFrom: SINCE_EVER,
    days: 3,
    text: "§ 41 Abs. 2 VwVfG: dritter Tag nach der Absendung",
  },
  {
    ...plain,
    basis: "vwvfg-41-2",
    validFrom: POSTAL_REFORM,
    days: 4,
    text: "§ 41 Abs. 2 VwVfG: vierter Tag nach der Absendung",
  },
  {
    ...plain,
    basis: "vwvfg-41-2a",
    validFrom: SINCE_EVER,
    start: "retrieved",
    days: 1,
    watchdogDays: 10,
    text: "§ 41 Abs. 2a VwVfG: Tag nach dem Abruf",
  },
];

/** Ways in which letters name their legal basis; the first that fits. Longer provisions stand first. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  [
    /41\s*(abs\.?|absatz|\()?\s*2\s*a\)?.*vwvfg|vwvfg.*41\s*\(?\s*(abs\.?)?\s*2\s*a/i,
    "vwvfg-41-2a",
  ],
  [/41\s*(abs\.?|absatz|\()?\s*2\)?(?!\s*a).*vwvfg|vwvfg.*41\s*\(?\s*(abs\.?)?\s*2/i, "vwvfg-41-2"],
  [/\b9\b.*\bozg\b|\bozg\b.*\b9\b/i, "ozg-9"],
];

/** Short name of a legal basis as a letter writes it: `§ 9 Abs. 1 OZG` → `ozg-9`. Unknown ones as they are. */
export function basisOf(written: string): string {
  const known = SPELLINGS.find(([spelling]) => spelling.test(written));
  return known ? known[1] : written.trim().toLowerCase();
}

/** Rows of the configuration stand before ours of the same basis and day. */
export function clockTable(configured: readonly ClockRule[]): readonly ClockRule[] {
  const key = ({ basis, validFrom }: ClockRule) => `${basis}/${validFrom}`;
  const taken = new Set(configured.map(key));
  const kept = LEGAL_TABLE.filter((rule) => !taken.has(key(rule)));
  return [...configured, ...kept].sort((a, b) =>
    a.basis === b.basis ? (a.validFrom < b.validFrom ? -1 : 1) : a.basis < b.basis ? -1 : 1,
  );
}

export function ruleFor(
  table: readonly ClockRule[],
  basis: string,
  available: Day,
): ClockRule | undefined {
  return table
    .filter((rule) => rule.basis === basis && rule.validFrom <= available)
    .reduce<ClockRule | undefined>(
      (latest, rule) => (latest && latest.validFrom > rule.validFrom ? latest : rule),
      undefined,
    );
}
