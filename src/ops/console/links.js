import { get, post } from "./api.js";
import { field, h, note, section, table, valuesOf } from "./dom.js";
import { CHANGES, PROVENANCE, when } from "./words.js";

/** Which mailbox which Matrix user reads, what happened to that, and who stands in for whom. */
export async function links(view) {
  const { query, go } = view;
  const { accounts } = await get("accounts");
  const account = query.account ?? accounts[0]?.name;
  if (account === undefined) return note("", "Es ist kein Konto eingerichtet.");
  const [{ links: found, next }, { changes }, { substitutions }] = await Promise.all([
    get("links", { account, ...(query.after ? { after: query.after } : {}) }),
    get("people/history", { account }),
    get("substitutions", { account }),
  ]);
  const choose = (event) => {
    event.preventDefault();
    go("verknuepfungen", undefined, valuesOf(event.currentTarget));
  };
  return [
    h(
      "section",
      {},
      h(
        "form",
        { onsubmit: choose },
        field("Konto", {
          name: "account",
          value: account,
          options: accounts.map(({ name, title }) => [name, `${name} – ${title}`]),
        }),
        h("button", {}, "Zeigen"),
      ),
    ),
    linkList(account, found, next, view),
    deputies(account, substitutions, view),
    section(
      "Was geschah",
      changes.length === 0
        ? h("p", { class: "faint" }, "Noch nichts.")
        : table(
            "Verlauf",
            ["Wann", "Was", "Postfach", "Person", "Woher", "Durch"],
            changes.map(({ at, change, mailbox, user, provenance, by }) => [
              h("td", { class: "when" }, when(at)),
              CHANGES[change] ?? change,
              h("span", { class: "id" }, mailbox),
              user,
              PROVENANCE[provenance] ?? provenance,
              by,
            ]),
          ),
    ),
  ];
}

function linkList(account, found, next, { act, go }) {
  const unlink =
    ({ mailbox, user }) =>
    async (ask) => {
      if (
        !(await ask(
          "Verknüpfung beenden?",
          `${user} verlässt die Räume von ${mailbox} sofort und sieht kein neues Schreiben mehr.`,
          "Beenden",
        ))
      )
        return undefined;
      await post("people/unlink", { account, mailbox, user });
      return "Die Verknüpfung ist beendet.";
    };
  const form = h(
    "form",
    {},
    field("Postfach", { name: "mailbox", required: true, size: 38, autocomplete: "off" }),
    field("Person in Matrix", {
      name: "user",
      required: true,
      placeholder: "@name:server",
      autocomplete: "off",
    }),
  );
  const add = async (ask) => {
    if (!form.reportValidity()) return undefined;
    const { mailbox, user } = valuesOf(form);
    if (
      !(await ask(
        "Verknüpfen?",
        `${user} liest ab jetzt alle Schreiben von ${mailbox}, auch die, die dafür zurückgehalten wurden. Ist das die richtige Person?`,
        "Verknüpfen",
      ))
    )
      return undefined;
    const { released } = await post("people/links", { account, mailbox, user });
    return `Verknüpft. Zurückgehaltene Schreiben, die jetzt hinausgehen: ${released}.`;
  };
  form.append(act("admin", "Verknüpfen", add));
  return section(
    "Wer liest welches Postfach",
    found.length === 0
      ? h(
          "p",
          { class: "faint" },
          "In der Datenbank steht keine Verknüpfung dieses Kontos. Die der Konfiguration stehen dort.",
        )
      : table(
          "Verknüpfungen",
          ["Postfach", "Person", "Rolle", "Gültig", "Woher", "Durch", ""],
          found.map((link) => [
            h("span", { class: "id" }, link.mailbox),
            link.user,
            link.role,
            span(link),
            PROVENANCE[link.provenance] ?? link.provenance,
            link.by,
            act("admin", "Beenden", unlink(link)),
          ]),
        ),
    next !== undefined &&
      h(
        "div",
        { class: "acts" },
        h(
          "button",
          { onclick: () => go("verknuepfungen", undefined, { account, after: next }) },
          "Weitere",
        ),
      ),
    h("h2", {}, "Neu verknüpfen"),
    form,
  );
}

function span({ from, until }) {
  if (from === undefined && until === undefined) return "ohne Ende";
  return [from && `ab ${when(from)}`, until && `bis ${when(until)}`].filter(Boolean).join(" ");
}

function deputies(account, substitutions, { act }) {
  const end =
    ({ id, deputy }) =>
    async (ask) => {
      if (!(await ask("Vertretung beenden?", `${deputy} verlässt die Räume sofort.`, "Beenden")))
        return undefined;
      await post("substitutions/end", { id });
      return "Die Vertretung ist beendet.";
    };
  const form = h(
    "form",
    {},
    field("Abwesend", {
      name: "absent",
      required: true,
      placeholder: "@name:server",
      autocomplete: "off",
    }),
    field("Vertretung", {
      name: "deputy",
      required: true,
      placeholder: "@name:server",
      autocomplete: "off",
    }),
    field("Erster Tag (leer: sofort)", { name: "from", type: "date" }),
    field("Letzter Tag", { name: "until", type: "date", required: true }),
  );
  const begin = async () => {
    if (!form.reportValidity()) return undefined;
    await post("substitutions", { account, ...valuesOf(form) });
    return "Die Vertretung ist eingetragen.";
  };
  form.append(act("admin", "Eintragen", begin));
  return section(
    "Vertretungen",
    substitutions.length === 0
      ? h("p", { class: "faint" }, "Keine, weder jetzt noch später.")
      : table(
          "Vertretungen",
          ["Abwesend", "Vertretung", "Von", "Bis", "Durch", ""],
          substitutions.map((one) => [
            one.absent,
            one.deputy,
            when(one.from),
            when(one.until),
            one.by,
            act("admin", "Beenden", end(one)),
          ]),
        ),
    h("h2", {}, "Neue Vertretung"),
    form,
  );
}
