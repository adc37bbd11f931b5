import { get } from "./api.js";
import { field, h, section, table, valuesOf } from "./dom.js";
import { when } from "./words.js";

/** What operators and the gateway did; entries are chained by their hashes. */
export async function audit({ query, go }) {
  const { entries } = await get("audit", { limit: 200, ...query });
  const choose = (event) => {
    event.preventDefault();
    go("protokoll", undefined, valuesOf(event.currentTarget));
  };
  return [
    h(
      "section",
      {},
      h(
        "form",
        { onsubmit: choose },
        field("Nur zu (Schreiben, Eintrag, Konto/Postfach)", {
          name: "subject",
          value: query.subject,
          size: 40,
        }),
        h("button", {}, "Zeigen"),
      ),
    ),
    section(
      "Das Neueste zuerst",
      entries.length === 0
        ? h("p", { class: "faint" }, "Dazu steht nichts im Protokoll.")
        : table(
            "Protokoll",
            ["Nr.", "Wann", "Wer", "Was", "Worum", "Näheres"],
            entries.map(({ seq, at, actor, action, subject, detail = {} }) => [
              seq,
              h("td", { class: "when" }, when(at)),
              actor,
              action,
              h("span", { class: "id" }, subject),
              Object.entries(detail)
                .map(([name, value]) => `${name}: ${value}`)
                .join(", "),
            ]),
          ),
    ),
  ];
}
