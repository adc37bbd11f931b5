import { get } from "./api.js";
import { field, h, mark, section, table, valuesOf } from "./dom.js";
import { directionOf, hashOf, PHASES, shortId, stateOf, STATES, when } from "./words.js";

const PAGE = 50;

/** Letters without their content, the newest first. */
export async function letters({ query, go }) {
  const [{ accounts }, { letters: found }] = await Promise.all([
    get("accounts"),
    get("letters", { limit: PAGE, ...query }),
  ]);
  const last = found.at(-1);
  return [
    filter(accounts, query, go),
    section(
      found.length === 0 ? "Kein Schreiben passt" : "Die neuesten zuerst",
      found.length === 0
        ? h(
            "p",
            { class: "faint" },
            "Mit diesen Angaben ist nichts zu finden. Weniger Angaben finden mehr.",
          )
        : table(
            "Schreiben",
            ["Angenommen", "Schreiben", "Konto", "Weg", "Zustand", "Phase"],
            found.map(row),
          ),
      found.length === PAGE &&
        h(
          "p",
          {},
          h(
            "a",
            { href: hashOf("schreiben", undefined, { ...query, after: last.seq }) },
            "Ältere Schreiben",
          ),
        ),
    ),
  ];
}

function row(letter) {
  return [
    h("td", { class: "when" }, when(letter.acceptedAt)),
    h(
      "a",
      { class: "id", href: hashOf("schreiben", letter.id), title: letter.id },
      shortId(letter.id),
    ),
    letter.account,
    directionOf(letter.direction),
    [mark(stateOf(letter.state)), letter.code === undefined ? "" : ` ${letter.code}`],
    phaseOf(letter),
  ];
}

/** A letter of the past and a copy are told apart from letters that count. */
function phaseOf({ phase, rule, copyOf }) {
  if (rule === "(history)") return "Altbestand";
  const name = phase === undefined ? "" : h("span", { title: PHASES[phase] }, phase);
  return copyOf === undefined ? name : [name, " (Kopie)"];
}

function filter(accounts, query, go) {
  const search = (event) => {
    event.preventDefault();
    go("schreiben", undefined, valuesOf(event.currentTarget));
  };
  const find = (event) => {
    event.preventDefault();
    const { id } = valuesOf(event.currentTarget);
    if (id !== undefined) go("schreiben", id);
  };
  const any = ["", "alle"];
  const choice = (names) => [any, ...names];
  return h(
    "section",
    {},
    h(
      "form",
      { onsubmit: search },
      field("Konto", {
        name: "account",
        value: query.account,
        options: choice(accounts.map(({ name }) => [name, name])),
      }),
      field("Zustand", {
        name: "state",
        value: query.state,
        options: choice(Object.entries(STATES).map(([name, { text }]) => [name, text])),
      }),
      field("Geschrieben im", {
        name: "origin",
        value: query.origin,
        options: choice([
          ["legacy", "bisherigen Postfach"],
          ["matrix", "Matrix"],
        ]),
      }),
      field("Seit", { name: "since", type: "date", value: query.since }),
      h("button", { class: "do" }, "Suchen"),
    ),
    h(
      "form",
      { onsubmit: find },
      field("Oder die Nummer eines Schreibens", { name: "id", size: 40, autocomplete: "off" }),
      h("button", {}, "Öffnen"),
    ),
  );
}
