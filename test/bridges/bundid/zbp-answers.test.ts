import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { Message } from "../../../src/model/message.ts";
import { deadPort } from "../../support/dead-port.ts";
import { letterTo, MAILBOX, never, OTHER_MAILBOX, senderSettings } from "./bench.ts";
import { useZbp } from "./zbp-bench.ts";

const bed = useZbp();

describe("what ZBP answers", () => {
  it.each([["an unknown mailbox", OTHER_MAILBOX, "RECIPIENT_UNKNOWN"]])(
    "%s",
    async (_what, mailbox, code) =>
      expect(await bed.failure(letterTo(mailbox))).toMatchObject({ fault: "permanent", code }),
  );
  it("a deleted mailbox", async () => {
    bed.zbp.deleteMailbox(MAILBOX);
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({
      fault: "permanent",
      code: "RECIPIENT_GONE",
    });
  });
  it.each([
    [400, "permanent", "LETTER_INVALID"],
    [401, "transient", "AUTH_REFUSED"],
    [403, "transient", "AUTH_REFUSED"],
    [404, "permanent", "RECIPIENT_UNKNOWN"],
    [405, "transient", "REMOTE_ANSWER_INVALID"],
    [408, "transient", "REMOTE_UNAVAILABLE"],
    [409, "permanent", "SAME_ID_OTHER_CONTENT"],
    [410, "permanent", "RECIPIENT_GONE"],
    [413, "permanent", "ATTACHMENT_REJECTED"],
    [415, "permanent", "ATTACHMENT_REJECTED"],
    [422, "permanent", "CONTENT_REJECTED"],
    [429, "transient", "REMOTE_UNAVAILABLE"],
    [500, "unknown", "OUTCOME_UNKNOWN"],
    [502, "unknown", "OUTCOME_UNKNOWN"],
    [503, "transient", "REMOTE_UNAVAILABLE"],
    [504, "unknown", "OUTCOME_UNKNOWN"],
    [599, "unknown", "OUTCOME_UNKNOWN"],
  ])("status %i is %s %s", async (status, fault, code) => {
    bed.arm({ kind: "status", status });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({ fault, code });
    expect(bed.zbp.letters()).toHaveLength(0);
  });
  it("asks to wait", async () => {
    bed.arm({ kind: "status", status: 429, retryAfterSeconds: 120 });
    expect((await bed.failure(letterTo(MAILBOX))).retryAfterMs).toBe(120_000);
  });
  it("garbage after 200 is delivered: the status decides", async () => {
    bed.arm({ kind: "garbageAnswer" });
    const letter = letterTo(MAILBOX);
    const delivery = await bed.send(letter);
    expect(delivery).toMatchObject({
      remoteId: `zbp:${letter.id}`,
      receipt: { kind: "delivered" },
    });
    expect(bed.zbp.letters()).toHaveLength(1);
  });
  it("an answer that breaks off after its status line is delivered, and says so", async () => {
    bed.arm({ kind: "truncatedAnswer" });
    const delivery = await bed.send(letterTo(MAILBOX));
    expect(delivery.receipt?.detail).toContain("cut off");
    const evidence = bed.bench.state.blobs.get(delivery.receipt?.evidence?.digest.slice(7) ?? "");
    expect(evidence?.toString()).toContain("broke off");
    expect(bed.zbp.letters()).toHaveLength(1);
  });
  it("an error after it had stored the letter stays unknown", async () => {
    bed.arm({ kind: "acceptThen500" });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({ fault: "unknown" });
    expect(bed.zbp.letters()).toHaveLength(1);
  });
  it.each(["destroy", "hang"] as const)(
    "silence (%s) after it had the letter stays unknown",
    async (socket) => {
      await bed.use({});
      bed.arm({ kind: "timeoutAfterAccept", socket });
      expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({
        fault: "unknown",
        code: "OUTCOME_UNKNOWN",
      });
      expect(bed.zbp.letters()).toHaveLength(1);
    },
  );
  it("a connection cut in the middle stays unknown: nobody knows what was read", async () => {
    bed.arm({ kind: "cutBeforeRead" });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({ fault: "unknown" });
  });
});

describe("when the letter never left", () => {
  it("nobody listens", async () => {
    const port = await deadPort();
    await bed.replace({ sender: senderSettings(bed.keys, `https://127.0.0.1:${port}`) });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({
      fault: "transient",
      code: "REMOTE_UNAVAILABLE",
    });
  });
  it("the server is not the one we trust", async () => {
    const { ca: _, ...untrusting } = senderSettings(bed.keys, bed.zbp.url);
    await bed.replace({ sender: untrusting });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({ fault: "transient" });
  });
  it("our certificate is refused in the handshake", async () => {
    const foreign = await bed.keys.pki.issueExpired({ cn: "Abgelaufen" });
    await writeFile(path.join(bed.keys.folder, "alt.crt"), foreign.certPem);
    await writeFile(path.join(bed.keys.folder, "alt.key"), foreign.keyPem);
    await bed.replace({
      sender: senderSettings(bed.keys, bed.zbp.url, {
        certificate: "file:alt.crt",
        key: "file:alt.key",
      }),
    });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({ fault: "transient" });
    expect(bed.zbp.letters()).toHaveLength(0);
  });
  it("the address is not on the list", async () => {
    await bed.replace({ sender: senderSettings(bed.keys, bed.zbp.url) }, { allow: [] });
    expect(await bed.failure(letterTo(MAILBOX))).toMatchObject({
      fault: "transient",
      code: "EGRESS_REFUSED",
    });
  });
  it("the gateway stops first", async () => {
    expect(await bed.failure(letterTo(MAILBOX), AbortSignal.abort())).toMatchObject({
      fault: "transient",
    });
    expect(bed.zbp.letters()).toHaveLength(0);
  });
});

describe("find", () => {
  const ask = (letter: Message) => bed.bench.bridge.find?.(letter, letter.id, never);
  it("cannot tell without such a call", async () => {
    bed.arm({ kind: "acceptThen500" });
    const letter = letterTo(MAILBOX);
    await bed.failure(letter);
    expect(await ask(letter)).toBeUndefined();
  });
  it("finds what arrived, and what did not", async () => {
    await bed.use({}, "find: { enabled: true }");
    const letter = letterTo(MAILBOX);
    expect(await ask(letter)).toBe("absent");
    bed.arm({ kind: "timeoutAfterAccept", socket: "destroy" });
    await bed.failure(letter);
    expect(await ask(letter)).toEqual({ remoteId: bed.zbp.letters()[0]?.id });
  });
  it("does not take a sibling of the same case for the letter", async () => {
    await bed.use({}, "find: { enabled: true }");
    const reference = "AZ 12/34";
    await bed.send(letterTo(MAILBOX, { case: { reference } }));
    expect(await ask(letterTo(MAILBOX, { case: { reference } }))).toBeUndefined();
    expect(await ask(letterTo(MAILBOX, { case: { reference: "AZ 99" } }))).toBe("absent");
  });
  it("tells letters of one case apart by their routing information", async () => {
    await bed.use({ replies: { enabled: true } }, "find: { enabled: true }");
    const proceedings = { case: { reference: "AZ 12/34" } };
    const [first, second, third] = [1, 2, 3].map(() => letterTo(MAILBOX, proceedings));
    if (!first || !second || !third) throw new Error("no letters");
    await bed.send(first);
    await bed.send(second);
    expect(await ask(second)).toEqual({ remoteId: bed.zbp.letters()[1]?.id });
    expect(await ask(third)).toBe("absent");
    expect(await ask({ ...third, replyPolicy: "forbidden" })).toBeUndefined();
    await bed.send(letterTo(MAILBOX, { ...proceedings, replyPolicy: "forbidden" }));
    expect(await ask(third)).toBeUndefined();
  });
  it("says so when the mailbox cannot be asked", async () => {
    await bed.use({}, "find: { enabled: true }");
    bed.zbp.faults.arm({ route: "find", kind: "status", status: 503 });
    await expect(ask(letterTo(MAILBOX))).rejects.toMatchObject({ fault: "transient" });
    bed.zbp.faults.arm({ route: "find", kind: "garbageAnswer" });
    await expect(ask(letterTo(MAILBOX))).rejects.toMatchObject({ fault: "transient" });
  });
});
