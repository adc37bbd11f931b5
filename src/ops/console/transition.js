import { get, post } from "./api.js";
import { field, h, mark, note, section, table, valuesOf } from "./dom.js";
import { dayOf, daysAgo, hashOf, PHASES, questionOf, sideOf, when } from "./words.js";

const COMPARED_DAYS = 14;

/** Where every account stands, what the file would change, the evidence, and the way back. */
export async function transition(view) {
  const { query } = view;
  const [plan, { plans }] = await Promise.all([get("plan"), get("plan/history", { limit: 20 })]);
  return [
    inForce(plan),
    await fileReview(view),
    await compared(plan, view),
    await explained(plan, query, view),
    history(plans, view),
  ];
}

function inForce({ seq, accounts, order }) {
  return section(
    `In Kraft: Plan Nr. ${seq}`,
    table(
      "Konten",
      ["Konto", "Land", "Phase", "Das heißt"],
      accounts.map(({ name, land, phase }) => [name, land, phase, PHASES[phase]]),
    ),
    order.length === 0
      ? h(
          "p",
          { class: "faint" },
          "Keine Kohorten: für jedes Schreiben gilt die Phase seines Kontos.",
        )
      : [
          h(
            "p",
            {},
            "Kohorten in der Reihenfolge, in der sie gefragt werden; die erste, die passt, entscheidet:",
          ),
          h(
            "ol",
            {},
            order.map(({ name, phase }) => h("li", {}, `${name}: ${phase} (${PHASES[phase]})`)),
          ),
        ],
  );
}

async function fileReview({ act }) {
  const review = await get("plan/review").catch((error) => error);
  if (review instanceof Error)
    return section(
      "Die Konfigurationsdatei",
      note("bad", "Sie ist nicht in Ordnung; es bleibt bei dem Plan, der gilt.", review.message),
    );
  const { difference, conflicts, effect, questions } = review;
  const changes = changesOf(difference);
  const apply = async (ask) => {
    if (
      !(await ask(
        "In Kraft setzen?",
        "Neue Schreiben werden ab sofort nach der Datei entschieden. Was schon entschieden ist, behält seine Entscheidung. Der vorige Plan lässt sich wieder in Kraft setzen.",
        "In Kraft setzen",
      ))
    )
      return undefined;
    await post("plan/apply");
    return "Der Plan der Datei gilt.";
  };
  return section(
    "Was die Konfigurationsdatei ändern würde",
    changes.length === 0
      ? h("p", {}, "Nichts: sie sagt dasselbe wie der Plan in Kraft.")
      : h(
          "ul",
          {},
          changes.map((text) => h("li", {}, text)),
        ),
    effect.moved.length > 0 &&
      table(
        "Postfächer",
        ["Konto", "Richtung", "von", "nach", "Postfächer", "zum Beispiel"],
        effect.moved.map(({ account, direction, from, to, count, examples }) => [
          account,
          direction === "inbound" ? "zum Bürger" : "aus Matrix",
          from,
          to,
          count,
          examples.join(", "),
        ]),
      ),
    conflicts.length > 0 &&
      h(
        "ul",
        { class: "plain" },
        conflicts.map(({ kind, about, text, next }) =>
          h(
            "li",
            {},
            mark({ text: KINDS[kind].text, tone: KINDS[kind].tone }),
            ` ${about}: ${text} (${next})`,
          ),
        ),
      ),
    questions.length > 0 &&
      note("warn", ...questions.map((text) => `Offene Rechtsfrage: ${questionOf(text)}`)),
    changes.length > 0 && h("div", { class: "acts" }, act("admin", "In Kraft setzen", apply)),
  );
}
const KINDS = {
  refuse: { text: "verhindert es", tone: "bad" },
  jump: { text: "überspringt einen Schritt", tone: "warn" },
  warn: { text: "zu wissen", tone: "warn" },
};

function changesOf({ accounts, cohorts, participants, conversations }) {
  return [
    ...accounts.map(
      ({ account, from, to, also }) =>
        `Konto ${account}: ${[from !== to && `${from ?? "neu"} → ${to ?? "entfällt"}`, ...also].filter(Boolean).join(", ")}`,
    ),
    ...cohorts.map(
      ({ cohort, change, detail }) =>
        `Kohorte ${cohort}: ${CHANGES[change]}${detail ? ` (${detail})` : ""}`,
    ),
    ...participants.map(({ code, change }) => `Teilnehmer ${code}: ${CHANGES[change]}`),
    ...(conversations ? [`Laufende Vorgänge: ${conversations.from} → ${conversations.to}`] : []),
  ];
}
const CHANGES = {
  added: "kommt hinzu",
  removed: "entfällt",
  changed: "ändert sich",
  moved: "steht an anderer Stelle",
};

/** The evidence for the decision to go on. */
async function compared({ accounts }, { query, now, go }) {
  const [first] = accounts;
  const account = query.account ?? first?.name;
  if (account === undefined) return undefined;
  const since = query.since ?? daysAgo(COMPARED_DAYS, now);
  const { days } = await get("plan/compare", { account, since });
  const choose = (event) => {
    event.preventDefault();
    go("umstellung", undefined, valuesOf(event.currentTarget));
  };
  const side = (mine, other) => [
    `${mine.count} `,
    h(
      "span",
      { class: "id", title: "Prüfsumme über alle Schreiben der Seite" },
      mine.digest.slice(0, 8),
    ),
    mine.digest === other.digest ? "" : " ≠",
  ];
  return section(
    "Der Nachweis: was beide Seiten haben",
    h(
      "form",
      { onsubmit: choose },
      field("Konto", {
        name: "account",
        value: account,
        options: accounts.map(({ name }) => [name, name]),
      }),
      field("Seit", { name: "since", type: "date", value: since }),
      h("button", {}, "Vergleichen"),
    ),
    days.length === 0
      ? h("p", { class: "faint" }, "In dieser Zeit kam kein Schreiben.")
      : table(
          "Vergleich",
          ["Tag", "Bisheriges Postfach", "Matrix", "Fehlt", "Zu viel"],
          days.map(({ day, legacy, matrix, missing, extra }) => [
            dayOf(day),
            side(legacy, matrix),
            side(matrix, legacy),
            findings(missing),
            findings(extra),
          ]),
        ),
    h(
      "p",
      { class: "faint" },
      "Gleiche Prüfsumme heißt: dieselben Schreiben. In den Phasen matrix und observe hat nur eine Seite alle; dann sind sie verschieden, und nichts fehlt.",
    ),
  );
}
function findings(list) {
  if (list.length === 0) return mark({ text: "nichts", tone: "good" });
  return h(
    "ul",
    { class: "plain" },
    list.map(({ side, letter, sourceId, why }) =>
      h(
        "li",
        {},
        `${sideOf(side)}: ${why} `,
        letter
          ? h("a", { class: "id", href: hashOf("schreiben", letter) }, letter)
          : h("span", { class: "id" }, sourceId),
      ),
    ),
  );
}

async function explained({ accounts }, { account, mailbox }, { go }) {
  const choose = (event) => {
    event.preventDefault();
    go("umstellung", undefined, valuesOf(event.currentTarget));
  };
  const form = h(
    "form",
    { onsubmit: choose },
    field("Konto", {
      name: "account",
      value: account,
      options: accounts.map(({ name }) => [name, name]),
    }),
    field("Postfach", { name: "mailbox", value: mailbox, size: 40, required: true }),
    h("button", {}, "Erklären"),
  );
  if (mailbox === undefined) return section("Welche Regel gilt für ein Postfach?", form);
  const found = await get("plan/explain", { account, mailbox });
  return section(
    "Welche Regel gilt für ein Postfach?",
    form,
    h(
      "p",
      {},
      h("strong", {}, `${found.now.phase}, durch ${found.now.rule}: ${PHASES[found.now.phase]}`),
    ),
    h(
      "p",
      {},
      `In Matrix ${found.readers === 1 ? "liest es eine Person" : `lesen es ${found.readers} Personen`}.`,
    ),
    table(
      "Regeln",
      ["Regel", "Phase", "passt", "weil"],
      found.steps.map(({ rule, phase, matched, why }) => [
        rule,
        phase,
        matched ? "ja" : "nein",
        why,
      ]),
    ),
  );
}

function history(plans, { act }) {
  const back = (seq) => async (ask) => {
    if (
      !(await ask(
        `Plan Nr. ${seq} wieder in Kraft setzen?`,
        "Neue Schreiben werden danach entschieden. Was schon entschieden ist, behält seine Entscheidung. Die Konfigurationsdatei ändert sich dadurch nicht.",
        "In Kraft setzen",
      ))
    )
      return undefined;
    await post("plan/rollback", { to: seq });
    return `Plan Nr. ${seq} gilt wieder.`;
  };
  return section(
    "Was in Kraft war",
    table(
      "Pläne",
      ["Nr.", "Seit", "Durch", "Wie", ""],
      plans.map(({ seq, appliedAt, by, way }, n) => [
        seq,
        h("td", { class: "when" }, when(appliedAt)),
        by,
        WAYS[way] ?? way,
        n > 0 && act("admin", "Dahin zurück", back(seq)),
      ]),
    ),
  );
}
const WAYS = { start: "beim Start", apply: "in Kraft gesetzt", rollback: "zurückgesetzt" };
