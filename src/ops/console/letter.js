import { get, part, post } from "./api.js";
import { facts, h, mark, note, section, table } from "./dom.js";
import {
  bytes,
  CLOCK,
  clockLines,
  directionOf,
  hashOf,
  PHASES,
  ruleOf,
  stateOf,
  stepOf,
  when,
} from "./words.js";

/** The life of one letter: what decided about it, from when on it counts as notified, and every step. */
export async function letterPage({ id, act }) {
  const letter = await get(`letters/${part(id)}`);
  return [
    h("p", { class: "id" }, letter.id),
    clockOf(letter),
    section("Was es ist", facts(factsOf(letter)), actions(letter, act)),
    section(
      "Was geschah",
      table(
        "Schritte",
        ["Wann", "Schritt", "Näheres"],
        letter.steps.map(({ at, step, detail }) => [
          h("td", { class: "when" }, when(at)),
          stepOf(step),
          detail,
        ]),
      ),
    ),
    letter.attachments.length > 0 &&
      section(
        "Anlagen",
        table(
          "Anlagen",
          ["Art", "Größe", "Prüfsumme"],
          letter.attachments.map(({ mediaType, size, digest }) => [
            mediaType,
            bytes(size),
            h("span", { class: "id" }, digest),
          ]),
        ),
      ),
  ];
}

function clockOf({ clock, copyOf }) {
  if (clock === undefined)
    return copyOf === undefined
      ? undefined
      : note("", "Kopie: für Fristen zählt das Schreiben selbst, nicht diese Kopie.");
  const { tone } = CLOCK[clock.state] ?? {};
  const [first, ...more] = clockLines(clock);
  return h(
    "div",
    { class: `note ${tone || "card"}` },
    h("p", {}, h("strong", {}, first)),
    more.map((line) => h("p", {}, line)),
  );
}

function factsOf(letter) {
  const { writtenBy: writer } = letter;
  const letterLink = (other) =>
    other && h("a", { class: "id", href: hashOf("schreiben", other) }, other);
  return [
    ["Zustand", [mark(stateOf(letter.state)), letter.code === undefined ? "" : ` ${letter.code}`]],
    ["Grund", letter.detail],
    ["Was zu tun ist", isDone(letter) ? undefined : letter.next],
    ["Konto", letter.account],
    ["Weg", directionOf(letter.direction)],
    ["Phase", letter.phase && `${letter.phase} (${PHASES[letter.phase] ?? ""})`],
    ["Entschieden durch", ruleOf(letter.rule)],
    ["Kopie von", letterLink(letter.copyOf)],
    ["Antwort auf", letterLink(letter.inReplyTo)],
    [
      "Geschrieben von",
      writer && [
        writer.name ? `${writer.name}, ` : "",
        writer.user,
        writer.desk ? `, Funktionspostfach ${writer.desk}` : "",
        writer.insteadOf ? `, in Vertretung von ${writer.insteadOf}` : "",
      ],
    ],
    ["Gesendet", when(letter.sentAt)],
    ["Angenommen", when(letter.acceptedAt)],
    ["Abgeschlossen", when(letter.settledAt)],
    [
      "Versuche",
      `${letter.attempts}${letter.nextAttemptAt === undefined ? "" : `, der nächste ${when(letter.nextAttemptAt)}`}`,
    ],
    ["Vertrauensniveau", letter.level],
    ["Kennung dort", letter.remoteId && h("span", { class: "id" }, letter.remoteId)],
    ["Kennung beim Absender", h("span", { class: "id" }, letter.sourceId)],
    ["Raum", letter.room && h("span", { class: "id" }, letter.room)],
  ];
}

function isDone({ state }) {
  return state === "delivered" || state === "rejected";
}

/** What an operator can do about a letter in this state. */
function actions({ id, state }, act) {
  const resend = (asNew) => async (ask) => {
    const text = asNew
      ? "Das Schreiben geht mit neuer Kennung hinaus. Wenn das erste doch angekommen ist, liegt es danach zweimal beim Empfänger. Fragen Sie vorher dort nach."
      : "Das Schreiben geht noch einmal hinaus, mit derselben Kennung wie bisher.";
    if (!(await ask("Noch einmal senden?", text, "Senden"))) return undefined;
    await post(`letters/${part(id)}/resend`, { asNew });
    return "Das Schreiben ist wieder unterwegs.";
  };
  const resolve = (to, text) => async (ask) => {
    if (!(await ask("Ausgang festlegen?", text, "Festlegen"))) return undefined;
    await post(`letters/${part(id)}/resolve`, { to });
    return "Der Ausgang steht fest; der Absender erfährt es.";
  };
  const unknown = state === "unknown";
  const again = unknown || state === "failed";
  if (!again) return undefined;
  return h(
    "div",
    { class: "acts" },
    unknown &&
      act(
        "operator",
        "Es ist angekommen",
        resolve(
          "delivered",
          "Nur wenn die Gegenseite das Schreiben hat. Es gilt dann als zugestellt und wird nicht noch einmal gesendet.",
        ),
      ),
    unknown &&
      act(
        "operator",
        "Es ist nicht angekommen",
        resolve(
          "failed",
          "Nur wenn die Gegenseite das Schreiben nicht hat. Der Absender erfährt, dass es nicht zugestellt wurde.",
        ),
      ),
    act("operator", "Noch einmal senden", resend(false)),
    unknown && act("operator", "Als neues Schreiben senden", resend(true)),
  );
}
