/** German words and forms for what the admin API says. Pure: no document, no requests. */

const BERLIN = { timeZone: "Europe/Berlin" };
const TIME = new Intl.DateTimeFormat("de-DE", {
  dateStyle: "medium",
  timeStyle: "medium",
  ...BERLIN,
});
const DAY = new Intl.DateTimeFormat("de-DE", { dateStyle: "medium", ...BERLIN });
const ISO_DAY = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", ...BERLIN });
const DAY_MS = 86_400_000;
/** A certificate that ends within so many days needs somebody. */
const CERTIFICATE_DAYS = 30;
/** A letter that is not handed over after so long does not go by itself, or not soon. */
const WAITING_MS = 3_600_000;

/** Time of Germany: `21.11.2026, 09:15:00`. */
export function when(iso) {
  return iso === undefined ? undefined : TIME.format(new Date(iso));
}
/** Day of Germany, out of a time or of a calendar day. */
export function dayOf(iso) {
  return DAY.format(new Date(/^\d{4}-\d\d-\d\d$/.test(iso) ? `${iso}T12:00:00Z` : iso));
}
/** Calendar day in Germany so many days before `now`, `2026-11-20`. */
export function daysAgo(days, now) {
  return ISO_DAY.format(new Date(now.getTime() - days * DAY_MS));
}
export function bytes(size) {
  if (size < 1_000) return `${size} B`;
  const unit = size < 1_000_000 ? [1_000, "kB"] : [1_000_000, "MB"];
  return `${(size / unit[0]).toLocaleString("de-DE", { maximumFractionDigits: 1 })} ${unit[1]}`;
}
/** What decided about a letter. */
export function ruleOf(rule) {
  return (
    { account: "Phase des Kontos, keine Kohorte passt", "(history)": "Übernahme des Altbestands" }[
      rule
    ] ?? rule
  );
}
/** Enough of an id to tell it from others at a glance. */
export function shortId(id) {
  return id.length <= 14 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`;
}

export const STATES = {
  pending: { text: "wartet", tone: "" },
  sending: { text: "wird übergeben", tone: "" },
  delivered: { text: "zugestellt", tone: "good" },
  held: { text: "zurückgehalten", tone: "warn" },
  unknown: { text: "Ausgang unbekannt", tone: "bad" },
  failed: { text: "nicht zustellbar", tone: "bad" },
  rejected: { text: "nicht angenommen", tone: "warn" },
};
export function stateOf(state) {
  return STATES[state] ?? { text: state, tone: "" };
}

export const PHASES = {
  off: "aus: nimmt nichts an, sendet nichts",
  observe: "beobachten: alles bleibt im bisherigen Postfach, hier wird nur gezählt",
  mirror: "spiegeln: das bisherige Postfach gilt, Matrix erhält eine Kopie",
  "matrix-first": "Matrix gilt, das bisherige Postfach erhält eine Kopie",
  matrix: "nur noch Matrix",
  drain: "auslaufen: nimmt nichts Neues an, beendet Begonnenes",
};

const SIDES = { legacy: "bisheriges Postfach", matrix: "Matrix" };
export function sideOf(side) {
  return SIDES[side] ?? side;
}
/** `legacy → matrix` in German. */
export function directionOf(direction) {
  return direction.split(" → ").map(sideOf).join(" → ");
}

export const ROLES = { viewer: "sehen", operator: "bedienen", admin: "verwalten" };
const RANK = Object.keys(ROLES);
export function mayAct(role, needed) {
  return RANK.indexOf(role) >= RANK.indexOf(needed);
}
export function whyNot(role, needed) {
  return mayAct(role, needed)
    ? undefined
    : `Dafür braucht das Token die Rolle ${needed}; es hat ${role}.`;
}

export const CHANGES = {
  added: "verknüpft",
  changed: "geändert",
  removed: "beendet",
  ended: "abgelaufen",
};
export const PROVENANCE = {
  config: "Konfiguration",
  import: "Import",
  admin: "Betrieb",
  claim: "Nachweis durch das Postfach",
};

export const CLOCK = {
  deemed: { text: "bekannt gegeben", tone: "good" },
  waits: { text: "noch nicht bekannt gegeben", tone: "warn" },
  "not-notified": { text: "nicht bekannt gegeben", tone: "bad" },
  "not-started": { text: "Frist hat nicht begonnen", tone: "" },
  "no-rule": { text: "keine Regel", tone: "" },
};
/** What the clock of a letter says, as lines; the first one is the sentence that counts. */
export function clockLines(clock) {
  const { state, line, rule, channel, legalBasis, noticeInTime } = clock;
  const why = {
    "not-available": "Es liegt noch kein Nachweis vor, dass das Postfach das Schreiben hat.",
    objected: "Der elektronischen Bekanntgabe wurde widersprochen.",
  }[clock.why];
  const none =
    state === "no-rule" ? `Zu „${legalBasis}“ kennt die Tabelle keine Regel.` : undefined;
  return [
    line ?? why ?? none ?? CLOCK[state]?.text ?? state,
    `Rechtsgrundlage laut Schreiben: ${legalBasis}. Es zählt: ${sideOf(channel)}.`,
    rule === undefined ? undefined : `Regel: ${rule.text} (gültig ab ${dayOf(rule.validFrom)}).`,
    noticeInTime === false ? "Die Benachrichtigung ging nicht am selben Tag hinaus." : undefined,
    rule?.openQuestion === undefined
      ? undefined
      : `Offene Rechtsfrage: ${questionOf(rule.openQuestion)}`,
  ].filter((text) => text !== undefined);
}

/** Open legal questions, which the gateway words in English, by what they are about. */
const QUESTIONS = {
  "§ 9 OZG":
    "§ 9 OZG: Das Gesetz vom 24.07.2024 nennt den dritten Tag, die Handreichung vom Januar 2025 den vierten; ob die Postreform § 9 OZG geändert hat, ist nicht bestätigt. Das muss Ihre Rechtsstelle entscheiden.",
};
export function questionOf(text) {
  const about = Object.keys(QUESTIONS).find((name) => text.startsWith(name));
  return about === undefined ? text : QUESTIONS[about];
}

const RECEIPTS = {
  "submission-accepted": "angenommen",
  delayed: "verzögert",
  "in-doubt": "Ausgang unklar",
  relayed: "weitergegeben",
  "submission-rejected": "nicht angenommen",
  "not-delivered": "nicht zugestellt",
  delivered: "zugestellt",
  retrieved: "abgerufen",
  "reply-accepted": "Antwort angenommen",
  "reply-rejected": "Antwort abgelehnt",
  "recipient-gone": "Empfänger nicht mehr da",
};
const OUTCOMES = {
  delivered: "zugestellt",
  transient: "gestört, wird wiederholt",
  permanent: "endgültig gescheitert",
  unknown: "Ausgang unbekannt",
  absent: "dort nicht angekommen",
  held: "zurückgehalten",
};
const TOLD = {
  told: "dem Absender gesagt",
  due: "dem Absender noch nicht gesagt",
  superseded: "überholt, nicht mehr gesagt",
  "gave-up": "der Absender war nicht zu erreichen",
  "not-wanted": "dafür hat das System des Absenders keinen Weg",
};
/** One step of a trace in German; what is not known stays as it is. */
export function stepOf(step) {
  const [, side] = /^accepted from (\w+)$/.exec(step) ?? [];
  if (side !== undefined) return `angenommen aus: ${sideOf(side)}`;
  const [, kind, told] = /^receipt ([\w-]+)(?: \(origin: ([\w-]+)\))?$/.exec(step) ?? [];
  if (RECEIPTS[kind] !== undefined)
    return `Nachweis: ${RECEIPTS[kind]}${told === undefined ? "" : ` (${TOLD[told] ?? told})`}`;
  const [, n, outcome] = /^attempt (\d+)(?: began|: ([\w-]+))$/.exec(step) ?? [];
  if (n !== undefined)
    return outcome === undefined
      ? `Versuch ${n} begonnen`
      : `Versuch ${n}: ${OUTCOMES[outcome] ?? outcome}`;
  return step;
}

/** Letters that have to be retrieved within some days. */
const WATCHED = {
  due: "müssen bis morgen abgerufen sein",
  over: "nicht rechtzeitig abgerufen: erneut oder auf anderem Weg bekannt geben",
};

/**
 * What somebody has to look at, the worst first; empty: nothing. Each has a page that shows more.
 * `waiting`: the oldest letters that are not handed over.
 */
export function attention(
  { ready, homeserver, accounts, quarantine, unknown, failed, waiting, watched },
  now,
) {
  const found = [];
  const add = (tone, text, href) => found.push({ tone, text, href });
  if (!ready.ready)
    add("bad", `Das Gateway ist nicht bereit: Datenbank ${ready.database}.`, "#/uebersicht");
  if (!homeserver.ok)
    add("bad", `Der Homeserver antwortet nicht: ${homeserver.detail ?? ""}`, "#/uebersicht");
  for (const { name, ok, started, phase, detail } of accounts)
    if (phase !== "off" && !(ok && started))
      add(
        "bad",
        `Konto ${name}: ${started ? (detail ?? "gestört") : "nicht gestartet"}`,
        "#/uebersicht",
      );
  if (unknown > 0)
    add(
      "bad",
      count(unknown, "Schreiben mit unbekanntem Ausgang", "Schreiben mit unbekanntem Ausgang"),
      "#/schreiben?state=unknown",
    );
  if (quarantine > 0)
    add(
      "warn",
      count(quarantine, "Eintrag in der Quarantäne", "Einträge in der Quarantäne"),
      "#/quarantaene",
    );
  if (failed > 0)
    add(
      "warn",
      count(
        failed,
        "Schreiben seit einer Woche nicht zustellbar",
        "Schreiben seit einer Woche nicht zustellbar",
      ),
      "#/schreiben?state=failed",
    );
  for (const { account, state, count: many } of watched)
    if (WATCHED[state] !== undefined)
      add(
        state === "over" ? "bad" : "warn",
        `Konto ${account}: ${many} Schreiben ${WATCHED[state]} (§ 41 Abs. 2a VwVfG)`,
        "#/protokoll",
      );
  for (const { id, account, acceptedAt, code } of waiting)
    if (now.getTime() - new Date(acceptedAt).getTime() > WAITING_MS)
      add(
        "warn",
        `Konto ${account}: ein Schreiben wartet seit ${when(acceptedAt)}${code === undefined ? "" : ` (${code})`}`,
        hashOf("schreiben", id),
      );
  for (const { certificates = [], name } of [...accounts, { ...homeserver, name: "Homeserver" }])
    for (const { subject, purpose, notAfter } of certificates) {
      const left = Math.floor((new Date(notAfter).getTime() - now.getTime()) / DAY_MS);
      if (left < CERTIFICATE_DAYS)
        add(
          left < 0 ? "bad" : "warn",
          `${name}: Zertifikat ${subject} (${purpose}) ${left < 0 ? "ist abgelaufen" : `läuft in ${left} Tagen ab`}`,
          "#/uebersicht",
        );
    }
  if (ready.doorbell !== "ok")
    add(
      "warn",
      "Redis antwortet nicht; Schreiben gehen langsamer hinaus, keines geht verloren.",
      "#/uebersicht",
    );
  return found.sort((a, b) => (a.tone === b.tone ? 0 : a.tone === "bad" ? -1 : 1));
}
function count(number, one, many) {
  return `${number >= 1_000 ? "mindestens 1000" : number} ${number === 1 ? one : many}`;
}

/** `#/schreiben/abc?state=failed` → page, id and query. */
export function routeOf(hash) {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [page = "", ...rest] = path.split("/");
  const id = rest.length === 0 ? undefined : decode(rest.join("/"));
  return {
    page: page === "" ? "uebersicht" : page,
    id,
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}
/** An address that somebody mistyped is looked for as it is. */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
export function hashOf(page, id, query = {}) {
  const search = new URLSearchParams(query).toString();
  return `#/${page}${id === undefined ? "" : `/${encodeURIComponent(id)}`}${search === "" ? "" : `?${search}`}`;
}

/** Why a request came to nothing, and what to do, in German. */
export function refusalLines({ status, code, message, next }) {
  const known = {
    0: ["Das Gateway antwortet nicht.", "Läuft es? Diese Seite lädt sich nicht von selbst neu."],
    401: [
      "Dieses Token gilt nicht.",
      "Melden Sie sich mit einem Token aus admin.tokens der Konfiguration an.",
    ],
    403: ["Dafür reicht die Rolle dieses Tokens nicht.", "Nehmen Sie ein Token mit höherer Rolle."],
    404: ["Das gibt es hier nicht.", "Stimmt die Nummer?"],
    503: ["Das geht im Augenblick nicht.", "Versuchen Sie es gleich noch einmal."],
  }[status];
  // Who is not let in needs no English sentence on top.
  if (status === 401 || status === 403) return known;
  const told = [message, next && `Was zu tun ist: ${next}`, code && `Code: ${code}`].filter(
    Boolean,
  );
  return [...(known ?? ["Das Gateway hat es nicht getan."]), ...told];
}
