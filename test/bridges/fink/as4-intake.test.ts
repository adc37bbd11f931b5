import { describe, expect, it } from "vitest";
import type { UserMessage } from "../../../fixtures/simulators/access-point/index.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { deliver, letter, NORTH, SOUTH, startSide } from "./as4-bench.ts";
import {
  document,
  events,
  message,
  put,
  quarantined,
  replaceSouth,
  south,
  stateOf,
  texts,
  useSouth,
} from "./as4-site.ts";

useSouth();

describe("fetching", () => {
  it("takes letters in the order in which they were sent, whatever the list says", async () => {
    for (const [index, text] of ["eins", "zwei", "drei"].entries())
      put({
        timestamp: new Date(Date.UTC(2026, 10, 21, 9, index)),
        parts: [{ ...document, bytes: Buffer.from(`letter:${text}`) }],
      });
    await south.poll();
    expect(texts()).toEqual(["eins", "zwei", "drei"]);
    expect(
      south.state.accepted.map(({ message: kept }) => kept.sentAt.toISOString().slice(11, 16)),
    ).toEqual(["09:00", "09:01", "09:02"]);
  });

  it("marks only after the letter is durable: a store that fails leaves it there", async () => {
    let broken = true;
    await replaceSouth();
    const { context } = south.test;
    const { accept } = context;
    Object.assign(context, {
      accept: async (...args: Parameters<typeof accept>) => {
        if (broken) throw new GatewayError("STORE_UNAVAILABLE", "disk full");
        return accept(...args);
      },
    });
    const id = put();
    await expect(south.poll()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    expect([stateOf(id), quarantined()]).toEqual(["RECEIVED", []]);
    broken = false;
    await south.poll();
    expect([stateOf(id), texts()]).toEqual(["DOWNLOADED", ["Guten Tag"]]);
  });

  it("leaves a letter that the phase does not take where it is, and takes what comes behind it", async () => {
    let drains = true;
    await replaceSouth();
    const { context } = south.test;
    const { accept } = context;
    Object.assign(context, {
      accept: async (...args: Parameters<typeof accept>) => {
        if (drains && args[0].text === "neu")
          throw new GatewayError("NOT_ALLOWED", "phase drain takes nothing");
        return accept(...args);
      },
    });
    const part = (text: string) => [{ ...document, bytes: Buffer.from(`letter:${text}`) }];
    const left = put({ parts: part("neu") });
    const taken = put({ parts: part("Antwort"), timestamp: new Date("2026-11-21T09:05:00Z") });
    await south.poll();
    await south.poll();
    expect([stateOf(left), stateOf(taken), texts()]).toEqual([
      "RECEIVED",
      "DOWNLOADED",
      ["Antwort"],
    ]);
    expect(quarantined()).toEqual([]);
    drains = false;
    await south.poll();
    expect([stateOf(left), texts()]).toEqual(["DOWNLOADED", ["Antwort", "neu"]]);
  });

  it.each(["cutAfterAccept", "truncatedAnswer", "cutBeforeRead"] as const)(
    "%s while it is fetched: fetched again, accepted once",
    async (kind) => {
      const id = put();
      south.accessPoint.arm("retrieveMessageRequest", { kind });
      await expect(south.poll()).rejects.toMatchObject({ fault: "transient" });
      expect([stateOf(id), texts(), quarantined()]).toEqual(["RECEIVED", [], []]);
      await south.poll();
      expect([stateOf(id), texts()]).toEqual(["DOWNLOADED", ["Guten Tag"]]);
    },
  );

  it.each(["cutAfterAccept", "cutBeforeRead"] as const)(
    "%s while it is marked: not fetched again, accepted once",
    async (kind) => {
      const probe = put();
      await south.poll();
      const id = put({ parts: [{ ...document, bytes: Buffer.from("letter:zweiter") }] });
      south.accessPoint.arm("markMessageAsDownloadedRequest", { kind });
      await expect(south.poll()).rejects.toMatchObject({ fault: "transient" });
      const fetched = () =>
        south.accessPoint.requests.filter(({ name }) => name === "retrieveMessageRequest").length;
      const before = fetched();
      await south.poll();
      expect([stateOf(probe), stateOf(id), fetched() - before]).toEqual([
        "DOWNLOADED",
        "DOWNLOADED",
        0,
      ]);
      expect(texts()).toEqual(["Guten Tag", "zweiter"]);
    },
  );

  it("a crash between accepting and marking makes no second letter and no second acknowledgement", async () => {
    const id = put();
    await south.poll();
    south.accessPoint.exchange.received.delete(id);
    south.accessPoint.exchange.take(message({ messageId: id }));
    await south.restart().poll();
    expect(texts()).toEqual(["Guten Tag"]);
    expect(stateOf(id)).toBe("DOWNLOADED");
  });

  it("refuses an access point that marks while it answers, before it has fetched anything", async () => {
    await replaceSouth({ accessPoint: { marking: false } });
    const id = put();
    await expect(south.poll()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    expect(stateOf(id)).toBe("RECEIVED");
  });

  it("no more than one batch in a round, the rest in the next", async () => {
    await replaceSouth({
      profile: (whole) => ({ ...whole, backend: { ...whole.backend, batch: 2 } }),
    });
    for (let count = 0; count < 5; count += 1) put({ conversationId: `v-${count}@nord` });
    await south.poll();
    expect(texts()).toHaveLength(2);
    await south.poll();
    await south.poll();
    expect(texts()).toHaveLength(5);
  });

  it("a list that fails does not keep it from looking after what is under way", async () => {
    south.accessPoint.arm("listPendingMessagesRequest", { kind: "status", status: 503 });
    const other = await startSide(NORTH, SOUTH);
    south.accessPoint.exchange.connect(other.accessPoint.exchange);
    await deliver(south, letter(south), NORTH);
    south.accessPoint.exchange.push();
    await expect(south.poll()).rejects.toMatchObject({ fault: "transient" });
    expect(south.state.reports.map(({ kind }) => kind)).toEqual(["relayed"]);
    await other.close();
  });

  it("nothing runs after stop", async () => {
    await south.transport.stop();
    const before = south.accessPoint.requests.length;
    await south.poll();
    expect(south.accessPoint.requests).toHaveLength(before);
  });
});

describe("what is in it", () => {
  const broken: [string, Partial<UserMessage>, string][] = [
    [
      "a document that is no letter",
      { parts: [{ ...document, bytes: Buffer.from("x") }] },
      "INPUT_INVALID",
    ],
    ["no document", { parts: [{ ...document, href: "cid:anderes" }] }, "INPUT_INVALID"],
    [
      "a document of another type",
      { parts: [{ ...document, properties: new Map([["MimeType", "text/html"]]) }] },
      "INPUT_INVALID",
    ],
    [
      "a document that is too large",
      { parts: [{ ...document, bytes: Buffer.alloc(2_000_001) }] },
      "INPUT_HOSTILE",
    ],
    [
      "more files than allowed",
      {
        parts: [
          document,
          ...Array.from({ length: 101 }, (_, n) => ({ ...document, href: `cid:anlage-${n}` })),
        ],
      },
      "ATTACHMENT_REJECTED",
    ],
  ];
  it.each(broken)("%s goes to quarantine", async (_name, more, code) => {
    const id = put(more);
    await south.poll();
    expect(quarantined()).toMatchObject([{ code }]);
    expect([texts(), stateOf(id)]).toEqual([[], "DOWNLOADED"]);
  });

  it("one part twice is fetched again some times, then it is kept", async () => {
    const id = put({ parts: [document, document] });
    for (let round = 0; round < 4; round += 1) await south.poll();
    expect([quarantined(), stateOf(id)]).toEqual([[], "RECEIVED"]);
    await south.poll();
    expect(quarantined()).toMatchObject([{ code: "INPUT_INVALID" }]);
    expect([texts(), stateOf(id)]).toEqual([[], "DOWNLOADED"]);
  });

  it("a fault of our own code holds nothing up, and the message is kept after some tries", async () => {
    const id = put({ parts: [{ ...document, bytes: Buffer.from("letter:Programmfehler") }] });
    put({ conversationId: "v-2@nord" });
    for (let round = 0; round < 5; round += 1) await south.poll();
    expect(texts()).toEqual(["Guten Tag"]);
    expect(quarantined()).toMatchObject([{ sourceId: `as4:${id}`, code: "INTERNAL" }]);
    expect(events()).toContain("as4-message-unreadable");
  });

  it("an acknowledgement that cannot be sent yet is sent later, once", async () => {
    const other = await startSide(NORTH, SOUTH);
    put();
    await south.poll(); // the other access point is not connected: EBMS:0003 would be final, so connect first
    expect(events()).toContain("as4-acknowledgement-impossible");
    south.accessPoint.exchange.connect(other.accessPoint.exchange);
    put({ conversationId: "v-2@nord" });
    south.accessPoint.arm("submitRequest", { kind: "cutAfterAccept" });
    await south.poll();
    expect(events()).toContain("as4-acknowledgement-waits");
    await south.poll();
    await south.poll();
    expect(south.accessPoint.exchange.sent.size).toBe(1);
    expect([...south.state.records.keys()].filter((key) => key.startsWith("as4/debt/"))).toEqual(
      [],
    );
    await other.close();
  });
});
