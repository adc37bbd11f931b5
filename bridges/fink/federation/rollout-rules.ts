/** What the roll-out facts allow (bundid-fink.md §6.1), one rule each; the first that speaks decides. Pure. */
import { dateOf, type Participant } from "./participants.ts";
import { describePlanDate, hasCome } from "./plan-date.ts";
import type { Obstacle } from "./resolve.ts";
import type { FederationSettings } from "./settings.ts";

type Stage = FederationSettings["stage"];
type Rule = (participant: Participant, stage: Stage, now: Date) => Obstacle | undefined;

export const ROLLOUT_RULES: readonly Rule[] = [retired, blocked, notAgreed, notLive];

/** Names as people know them. */
export const NAMES: Readonly<Record<Participant["code"], string>> = {
  Bund: "Bund",
  BW: "Baden-Württemberg",
  BY: "Bayern",
  BE: "Berlin",
  BB: "Brandenburg",
  HB: "Bremen",
  HH: "Hamburg",
  HE: "Hessen",
  MV: "Mecklenburg-Vorpommern",
  NI: "Niedersachsen",
  NW: "Nordrhein-Westfalen",
  RP: "Rheinland-Pfalz",
  SL: "Saarland",
  SN: "Sachsen",
  ST: "Sachsen-Anhalt",
  SH: "Schleswig-Holstein",
  TH: "Thüringen",
};

/** A mailbox reference belongs to its account; the successor has others, so the letter can never arrive. */
function retired({ code, account, mailbox, successor }: Participant): Obstacle | undefined {
  if (account.state !== "retired" && mailbox.state !== "retired") return undefined;
  const from = successor && dateOf({}, successor.from);
  const next = successor
    ? ` Nachfolger ist ${NAMES[successor.code]}${from ? ` (ab ${describePlanDate(from)})` : ""}; bitte fragen Sie dort nach dem neuen Postfach.`
    : " Bitte wählen Sie den Postweg.";
  return {
    reason: "RETIRED",
    code: "RECIPIENT_GONE",
    outlook: "never",
    explanation: `Das Postfach des Nutzerkontos ${NAMES[code]} wurde eingestellt.${next}`,
  };
}

function blocked({ code, blockedBecause }: Participant): Obstacle | undefined {
  if (blockedBecause === null) return undefined;
  return {
    reason: "BLOCKED",
    code: "REMOTE_UNAVAILABLE",
    outlook: "wait",
    explanation: `Die Zustellung an ${NAMES[code]} ist gesperrt (${blockedBecause}). Das Schreiben wartet.`,
  };
}

/** Precondition of use in production: the agreement, or at least an accepted Letter of Intent. */
function notAgreed({ code, agreement }: Participant, stage: Stage): Obstacle | undefined {
  if (stage === "test" || agreement !== "none") return undefined;
  return {
    reason: "NOT_AGREED",
    code: "REMOTE_UNAVAILABLE",
    outlook: "wait",
    explanation: `${NAMES[code]} ist der Föderation noch nicht beigetreten. Das Schreiben wartet.`,
  };
}

function notLive(
  { code, account, mailbox }: Participant,
  stage: Stage,
  now: Date,
): Obstacle | undefined {
  const live = stage === "test" ? ["pilot", "production"] : ["production"];
  const isLive = (place: Participant["account"] | Participant["mailbox"]) => {
    const since = dateOf(place, place.since);
    return live.includes(place.state) && (since === undefined || hasCome(since, now));
  };
  if (isLive(account) && isLive(mailbox)) return undefined;
  const planned =
    dateOf(mailbox, mailbox.plannedFor) ??
    (live.includes(mailbox.state) ? dateOf(mailbox, mailbox.since) : undefined);
  const when = planned === undefined ? "" : ` (geplant: ${describePlanDate(planned)})`;
  return {
    reason: "NOT_LIVE",
    code: "REMOTE_UNAVAILABLE",
    outlook: "wait",
    explanation: `Das Postfach des Nutzerkontos ${NAMES[code]} ist noch nicht in Betrieb${when}. Das Schreiben wartet.`,
  };
}
