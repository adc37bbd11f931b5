import { get, part, post } from "./api.js";
import { facts, h, note, section } from "./dom.js";
import { bytes, hashOf, sideOf, when } from "./words.js";

const MAX = 1_000;

/** What was not taken in, or is held until somebody looks at it. Nothing here is lost. */
export async function quarantine({ act }) {
  const { items } = await get("quarantine", { limit: MAX });
  if (items.length === 0) return note("good", "Die Quarantäne ist leer.");
  return [
    h(
      "p",
      {},
      `${items.length} ${items.length === 1 ? "Eintrag wartet" : "Einträge warten"} auf eine Entscheidung, der älteste zuerst. Die Bytes bleiben aufbewahrt, wie auch immer sie ausfällt.`,
    ),
    items.map((item) => card(item, act)),
  ];
}

function card(item, act) {
  const { id, account, side, sourceId, code, detail, original, messageId, createdAt } = item;
  return section(
    `${code} · ${account}`,
    facts([
      ["Grund", detail],
      ["Seit", when(createdAt)],
      ["Kam aus", sideOf(side)],
      ["Kennung", h("span", { class: "id" }, sourceId)],
      [
        "Schreiben",
        messageId
          ? h("a", { class: "id", href: hashOf("schreiben", messageId) }, messageId)
          : "wurde keines",
      ],
      ["Aufbewahrt", original && `${bytes(original.size)}, ${original.digest}`],
    ]),
    h(
      "div",
      { class: "acts" },
      act("operator", "Freigeben", async (ask) => {
        const text = messageId
          ? "Das Schreiben wird zugestellt, als wäre es nicht zurückgehalten worden."
          : "Die Bytes werden noch einmal aufgenommen. Ist der Grund nicht behoben, liegen sie gleich wieder hier.";
        if (!(await ask("Freigeben?", text, "Freigeben"))) return undefined;
        await post(`quarantine/${part(id)}/release`);
        return "Freigegeben.";
      }),
      act("operator", "Ablehnen", async (ask) => {
        const text = messageId
          ? "Das Schreiben wird nicht zugestellt; der Absender erfährt es, wo das System einen Weg dafür hat."
          : "Es wird kein Schreiben daraus. Wo das System einen Weg dafür hat, erfährt es der Absender.";
        if (!(await ask("Ablehnen?", text, "Ablehnen"))) return undefined;
        await post(`quarantine/${part(id)}/reject`);
        return "Abgelehnt.";
      }),
    ),
  );
}
