/** A court and an authority write to each other, with an independent client on the court's side. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { textSource } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import type { EgvpLetter } from "../../../fixtures/simulators/osci-intermediary/egvp.ts";
import { Party } from "../../../fixtures/simulators/osci-intermediary/party.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import type { Message } from "../../../src/model/message.ts";
import { attach, COURT_ID, letterTo, never, OUR_ID, PDF } from "./flows-bench.ts";
import { bench, hub, keys, useSite } from "./flows-site.ts";

useSite();
let court: Party;
beforeEach(() => {
  const { cipher, vhn: signature } = keys.court;
  court = new Party({ intermediary: hub, cipher, signature });
});
afterEach(() => court.close());

const write = (more: Partial<EgvpLetter> = {}) =>
  court.depositLetter(
    {
      sender: { safeId: COURT_ID, organisation: keys.court.name, role: "egvp_justiz" },
      addressee: { safeId: OUR_ID, organisation: keys.us.name },
      subject: "Zustellung",
      text: "Anbei das Urteil.",
      ours: "5 K 12/26",
      ...more,
    },
    keys.us.cipher.certPem,
  );
const received = () =>
  bench.state.accepted.filter(({ origin }) => origin === "legacy").map(({ message }) => message);
function answerTo(letter: Message, more: Partial<Message>): Message {
  const { conversation, from, to } = letter;
  const self = to[0] ?? { address: "konto" };
  return letterTo(COURT_ID, {
    conversation,
    from: self,
    to: [from],
    inReplyTo: letter.id,
    ...more,
  });
}

describe("a demanded receipt (eEB)", () => {
  const demand = async () => {
    const files = [{ name: "Urteil.pdf", content: textSource("%PDF-1.7 Urteil"), eeb: true }];
    const { xjustizId } = await write({ files });
    await bench.tick();
    const [letter] = received();
    if (letter === undefined) throw new Error("no letter came");
    return { letter, xjustizId: xjustizId ?? "" };
  };

  it("is given only by an act, and reaches the court with the id of its message", async () => {
    const { letter, xjustizId } = await demand();
    expect(letter.request?.name).toBe("eeb");
    await bench.tick();
    expect(hub.deliveries(keys.court.cipher.certPem)).toEqual([]);
    const action = {
      name: "eeb",
      choice: "abgeben",
      argument: letter.sentAt.toISOString().slice(0, 10),
    };
    const sentAt = new Date(letter.sentAt.getTime() + 1000);
    const act = answerTo(letter, { text: "!eeb abgeben", action, sentAt });
    expect(await bench.bridge.review(act)).toBeUndefined();
    const { remoteId } = await bench.bridge.deliver(bench.state.add(act), act.id, never);
    const [opened] = await court.openAll();
    expect(opened?.messageId).toBe(remoteId);
    expect(opened?.fileNames).toEqual(["xjustiz_nachricht.xml"]);
    const dataset = (await opened?.file("xjustiz_nachricht.xml"))?.toString();
    expect(dataset).toContain("nachricht.eeb.zuruecklaufend.2200007");
    expect(dataset?.toLowerCase()).toContain(xjustizId.toLowerCase());
    expect(opened?.document("nachricht.xml")).toContain("EB zu: 5 K 12/26");
  });

  it("for a letter that is not known is refused for good", async () => {
    const { letter } = await demand();
    const action = { name: "eeb", choice: "abgeben" };
    const act = answerTo(letter, { action, inReplyTo: "0198c0de-0000-7000-8000-000000000000" });
    const error = await bench.bridge.deliver(act, act.id, never).catch((caught: unknown) => caught);
    if (!(error instanceof DeliveryError)) throw new Error("it was delivered");
    expect([error.fault, hub.deliveries(keys.court.cipher.certPem)]).toEqual(["permanent", []]);
  });
});

describe("an exchange of letters", () => {
  it("stays in the room that a clerk opened, and knows what answers what", async () => {
    const files = [await attach(bench, "Antrag.pdf", "application/pdf", PDF)];
    const first = bench.state.add(letterTo(COURT_ID, { attachments: files, conversation: "mx-1" }));
    await bench.bridge.deliver(first, first.id, never);
    const [opened] = await court.openAll();
    const dataset = (await opened?.file("xjustiz_nachricht.xml"))?.toString() ?? "";
    const ownId = /<[^>]*eigeneNachrichtenID>([^<]+)</i.exec(dataset)?.[1];
    expect(ownId).toBeDefined();
    await write({ ...(ownId === undefined ? {} : { answers: ownId }) });
    await bench.tick();
    const [answer] = received();
    expect([answer?.conversation, answer?.inReplyTo]).toEqual(["mx-1", first.id]);
    expect(answer?.from).toEqual({ address: COURT_ID, name: keys.court.name, role: "authority" });
  });

  it("carries the transport facts that a court looks for", async () => {
    const letter = bench.state.add(letterTo());
    await bench.bridge.deliver(letter, letter.id, never);
    const [opened] = await court.openAll();
    expect(opened?.transport).toMatchObject({
      signed: true,
      signerName: "VHN - Justiz",
      signerSafeId: OUR_ID,
      customHeaders: ["{http://gov.bos-bremen.de/osci/customHeader}RequestSignatureMandatory"],
    });
    expect(opened?.transport.originator?.fingerprint256).toBeDefined();
  });
});
