import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { letter, mailboxUuid, openStage } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

const send = (reference: string, signal?: AbortSignal) =>
  stage.sender.sendLetter({ ...letter, reference }, signal === undefined ? {} : { signal });
const stored = (reference: string) => stage.simulator.countByReference(reference);

describe("faults", () => {
  it("timeoutAfterAccept stores, then lets the sender wait for ever", async () => {
    stage.simulator.faults.arm({ kind: "timeoutAfterAccept" });
    const giveUp = new AbortController();
    const waiting = send("hängt", giveUp.signal);
    await stage.simulator.until(() => stored("hängt") === 1);
    giveUp.abort();
    await expect(waiting).rejects.toThrow("aborted");
    expect((await send("danach")).status).toBe(200);
  });

  it("timeoutAfterAccept with a cut stores, then cuts", async () => {
    stage.simulator.faults.arm({ kind: "timeoutAfterAccept", socket: "destroy" });
    await expect(send("gekappt")).rejects.toThrow();
    expect(stored("gekappt")).toBe(1);
  });

  it("cutBeforeRead cuts and stores nothing", async () => {
    stage.simulator.faults.arm({ kind: "cutBeforeRead" });
    await expect(send("ungelesen")).rejects.toThrow();
    expect(stored("ungelesen")).toBe(0);
    expect(stage.simulator.observations.requests.at(-1)).toMatchObject({
      route: "send",
      fault: "cutBeforeRead",
    });
  });

  it("status answers so, with Retry-After, and stores nothing", async () => {
    stage.simulator.faults.arm({ kind: "status", status: 429, retryAfterSeconds: 7 });
    stage.simulator.faults.arm({ kind: "status", status: 503 });
    const busy = await send("zu viel");
    expect([busy.status, busy.headers["retry-after"]]).toEqual([429, "7"]);
    expect(busy.json).toMatchObject({ code: "TOO_MANY_REQUESTS", retryable: true });
    const down = await send("zu viel");
    expect([down.status, down.headers["retry-after"]]).toEqual([503, undefined]);
    expect(stored("zu viel")).toBe(0);
    expect((await send("zu viel")).status).toBe(200);
    expect(stage.simulator.observations.refusals).toEqual([]);
  });

  it("truncatedAnswer stores, and breaks off in the middle of the answer", async () => {
    stage.simulator.faults.arm({ kind: "truncatedAnswer" });
    await expect(send("halb")).rejects.toThrow();
    expect(stored("halb")).toBe(1);
  });

  it("garbageAnswer stores, and answers 200 with something else", async () => {
    stage.simulator.faults.arm({ kind: "garbageAnswer" });
    const { status, json, bytes } = await send("unsinn");
    expect([status, json]).toEqual([200, undefined]);
    expect(bytes.toString()).toContain("<html>");
    expect(stored("unsinn")).toBe(1);
  });

  it("acceptThen500 stores, and says 500", async () => {
    stage.simulator.faults.arm({ kind: "acceptThen500" });
    const { status, json } = await send("doch da");
    expect([status, json]).toMatchObject([500, { retryable: true }]);
    expect(stored("doch da")).toBe(1);
  });

  it("slow waits, then behaves", async () => {
    stage.simulator.faults.arm({ kind: "slow", ms: 20 });
    expect((await send("langsam")).status).toBe(200);
    expect(stage.simulator.observations.requests.at(-1)).toMatchObject({ fault: "slow" });
  });

  it("does not forgive: what is refused is refused under a fault too", async () => {
    stage.simulator.faults.arm({ kind: "acceptThen500" });
    const { status } = await stage.sender.sendLetter(letter, { wrong: "badSignature" });
    expect(status).toBe(403);
    expect(stage.simulator.letters()).toEqual([]);
  });

  it("hits one route, after some, for a number of times, and counts", async () => {
    stage.simulator.faults.arm({ kind: "status", status: 500, route: "send", skip: 1, times: 2 });
    expect((await stage.sender.probe(mailboxUuid)).status).toBe(200);
    const statuses = [];
    for (const name of ["a", "b", "c", "d"]) statuses.push((await send(name)).status);
    expect(statuses).toEqual([200, 500, 500, 200]);
    expect(stage.simulator.faults.armed).toMatchObject([{ hits: 2, left: 0 }]);
    stage.simulator.faults.clear();
    expect(stage.simulator.faults.armed).toEqual([]);
  });

  it("the server goes away and comes back on its port with all it had", async () => {
    await send("vorher");
    await stage.simulator.stop();
    await expect(send("während")).rejects.toThrow();
    await stage.simulator.start();
    expect((await send("nachher")).status).toBe(200);
    expect(stage.simulator.letters().map((one) => one.letter.reference)).toEqual([
      "vorher",
      "nachher",
    ]);
  });

  it("stops even while a request hangs", async () => {
    stage.simulator.faults.arm({ kind: "timeoutAfterAccept" });
    const waiting = send("hängt").catch((error: unknown) => error);
    await stage.simulator.until(() => stored("hängt") === 1);
    await stage.simulator.stop();
    expect(await waiting).toBeInstanceOf(Error);
  });
});
