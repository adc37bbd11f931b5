import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { IncomingPayload, PayloadCodec } from "../../../bridges/fink/as4/index.ts";
import { createBspPayload } from "../../../bridges/fink/bsp/as4-payload.ts";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { readNachricht, renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import type { Route } from "../../../bridges/fink/contract.ts";
import {
  attach,
  ENTITY,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  PDF,
  REMOTE,
  REMOTE_ADDRESS,
} from "./bench.ts";
import type { Bench, Keys } from "./bench.ts";

let keys: Keys;
let bench: Bench | undefined;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(() => bench?.stop());

const route: Route = {
  entityId: ENTITY,
  participant: "TH",
  mailbox: REMOTE,
  transport: "as4-access-point",
  endpoint: "https://ap.example",
  certificates: [],
  by: "override",
};

function open(unlinked: "hold" | "reject" = "reject"): { codec: PayloadCodec; bench: Bench } {
  const made = makeBridge(keys, {});
  bench = made;
  made.state.links.add(MAILBOX);
  const { context } = made;
  const { authority } = context.config;
  return {
    bench: made,
    codec: createBspPayload({ context, authority, unlinked, profile: BUILT_IN }),
  };
}

async function incoming(made: Bench, document: string, more: Partial<IncomingPayload> = {}) {
  const { blob } = await attach(made, "a", "application/pdf", PDF);
  return {
    document: Buffer.from(document),
    attachments: [{ href: "cid:1", name: "../a.pdf", mediaType: "application/pdf", blob }],
    envelope: {
      messageId: "m-1@x",
      sentAt: new Date(),
      from: { entityId: ENTITY, mailbox: REMOTE },
      to: { entityId: "https://wir.example/idp", mailbox: MAILBOX },
    },
    ...more,
  } satisfies IncomingPayload;
}

describe("BspNachricht as AS4 payload", () => {
  it("has its files beside it", async () => {
    const { codec, bench: made } = open();
    const attachments = [await attach(made, "a/b.pdf", "application/pdf", PDF)];
    const letter = letterTo(REMOTE_ADDRESS, { attachments, case: { legalBasis: "ozg9" } });
    const payload = await codec.encode(letter, route, never);
    const read = readNachricht(Buffer.from(payload.document).toString());
    expect([read.id, read.mailbox, read.files]).toEqual([letter.id, REMOTE, []]);
    expect(payload).toMatchObject({
      level: 3,
      legalBasis: "ozg9",
      attachments: [{ name: "a_b.pdf", mediaType: "application/pdf" }],
    });
  });
  it("comes in as a letter of the mailbox that the envelope names", async () => {
    const { codec, bench: made } = open();
    const payload = await incoming(made, renderNachricht({ mailbox: MAILBOX }));
    expect(await codec.decode(payload, never)).toMatchObject({
      kind: "letter",
      message: {
        from: { address: REMOTE_ADDRESS, name: "Stadt Beispielhausen" },
        to: [{ address: MAILBOX }],
        replyPolicy: "possible",
        attachments: [{ name: "___a.pdf" }],
      },
    });
  });
  it("for another mailbox than the envelope's, or for nobody, is refused or held", async () => {
    const { codec, bench: made } = open();
    made.state.links.add(REMOTE);
    const other = await incoming(made, renderNachricht({ mailbox: REMOTE }));
    expect(await codec.decode(other, never)).toMatchObject({
      kind: "refused",
      code: "RECIPIENT_UNKNOWN",
    });
    made.state.links.clear();
    const payload = await incoming(made, renderNachricht({ mailbox: MAILBOX }));
    expect(await codec.decode(payload, never)).toMatchObject({ code: "RECIPIENT_UNKNOWN" });
    await made.stop();
    const holding = open("hold");
    holding.bench.state.links.clear();
    const again = await incoming(holding.bench, renderNachricht({ mailbox: MAILBOX }));
    expect(await holding.codec.decode(again, never)).toMatchObject({
      options: { hold: { code: "RECIPIENT_UNLINKED" } },
    });
  });
  it.for([
    ["files inside", { files: [{ type: "text/plain", base64: "YQ==" }] }, "LETTER_INVALID"],
    ["a http link", { text: "http://x" }, "CONTENT_REJECTED"],
  ] as const)("with %s is refused", async ([, wish, code]) => {
    const { codec, bench: made } = open();
    const payload = await incoming(made, renderNachricht({ mailbox: MAILBOX, ...wish }));
    expect(await codec.decode(payload, never)).toMatchObject({ kind: "refused", code });
  });
  it("is acknowledged with a BspQuittung, and such a one is understood", () => {
    const { codec } = open();
    const back = (result: Parameters<PayloadCodec["writeAcknowledgement"]>[0]) =>
      codec.readAcknowledgement(codec.writeAcknowledgement(result));
    expect(back({ accepted: true })).toEqual({ accepted: true });
    expect(back({ accepted: false, code: "ATTACHMENT_REJECTED" })).toEqual({
      accepted: false,
      code: "ATTACHMENT_REJECTED",
      detail: "32",
    });
    expect(() => codec.readAcknowledgement(Buffer.from("<a/>"))).toThrow(/root element/);
    const at = codec.readReadReceipt(
      Buffer.from(
        '<Lesebestaetigung xmlns="urn:x"><zeitpunkt>2026-11-21T10:00:00Z</zeitpunkt></Lesebestaetigung>',
      ),
    );
    expect(at).toEqual(new Date("2026-11-21T10:00:00Z"));
  });
});
