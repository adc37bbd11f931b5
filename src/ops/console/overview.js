import { get } from "./api.js";
import { h, mark, note, section, table } from "./dom.js";
import { attention, daysAgo, dayOf, PHASES } from "./words.js";

const MAX = 1_000;

/** Does everything run, and what needs somebody? */
export async function overview({ now }) {
  const oldest = { order: "oldest", limit: 1 };
  const [ready, { accounts, homeserver }, { items }, unknown, failed, plan, watched, ...waiting] =
    await Promise.all([
      fetch("/ready").then((answer) => answer.json()),
      get("accounts"),
      get("quarantine", { limit: MAX }),
      get("letters", { state: "unknown", limit: MAX }),
      get("letters", { state: "failed", since: daysAgo(7, now), limit: MAX }),
      get("plan"),
      get("not-retrieved"),
      get("letters", { state: "pending", ...oldest }),
      get("letters", { state: "sending", ...oldest }),
    ]);
  const found = attention(
    {
      ...{ ready, accounts, homeserver },
      quarantine: items.length,
      unknown: unknown.letters.length,
      failed: failed.letters.length,
      watched: watched.letters,
      waiting: waiting.flatMap(({ letters }) => letters),
    },
    now,
  );
  return [
    found.length === 0
      ? note("good", "Alles in Ordnung: jedes Konto läuft, nichts wartet auf eine Entscheidung.")
      : section(
          "Das braucht jemanden",
          h(
            "ul",
            { class: "plain" },
            found.map(({ tone, text, href }) =>
              h(
                "li",
                {},
                mark({ text: tone === "bad" ? "dringend" : "ansehen", tone }),
                " ",
                h("a", { href }, text),
              ),
            ),
          ),
        ),
    section(
      "Konten",
      table(
        "Konten",
        ["Konto", "Name", "Bridge", "Phase", "Zustand", "Zertifikate"],
        accounts.map((one) => [
          one.name,
          one.title,
          one.bridge,
          h("span", { title: PHASES[one.phase] }, one.phase),
          stateOf(one),
          certificates(one),
        ]),
      ),
    ),
    section(
      "Homeserver und Speicher",
      table(
        "Homeserver und Speicher",
        ["Was", "Zustand"],
        [
          ["Homeserver", health(homeserver)],
          ["Datenbank", health({ ok: ready.database === "ok", detail: ready.database })],
          [
            "Klingel (Redis oder Speicher)",
            health({ ok: ready.doorbell === "ok", detail: ready.doorbell }),
          ],
          ["Plan in Kraft", h("a", { href: "#/umstellung" }, `Nr. ${plan.seq}`)],
        ],
      ),
    ),
  ];
}

function stateOf({ phase, started, ok, detail }) {
  if (phase === "off") return mark({ text: "aus" });
  if (!started) return [mark({ text: "nicht gestartet", tone: "bad" }), " ", detail];
  return health({ ok, detail });
}
function health({ ok, detail }) {
  return ok
    ? mark({ text: "in Ordnung", tone: "good" })
    : [mark({ text: "gestört", tone: "bad" }), " ", detail];
}
function certificates({ certificates: list = [] }) {
  return h(
    "ul",
    { class: "plain" },
    list.map(({ subject, purpose, notAfter }) =>
      h("li", {}, `${subject} (${purpose}), bis ${dayOf(notAfter)}`),
    ),
  );
}
