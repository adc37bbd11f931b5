import { describe, expect, it } from "vitest";
import { GatewayError } from "../../../src/model/errors.ts";
import { MAILBOX, OTHER_MAILBOX } from "./bench.ts";
import { LETTER, letters, openInletBench, useInlet } from "./inlet-bench.ts";

const bed = useInlet();

describe("repetitions", () => {
  it("get the first id, also side by side and after a restart", async () => {
    await bed.open();
    const answers = await Promise.all([1, 2, 3, 4].map(() => bed.bench.legacy.sendLetter(LETTER)));
    const { state } = bed.bench;
    await bed.bench.close();
    bed.bench = await openInletBench(bed.keys, { state });
    answers.push(await bed.bench.legacy.sendLetter(LETTER));
    expect(
      new Set(answers.map(({ status, json }) => `${status} ${(json as { id: string }).id}`)).size,
    ).toBe(1);
    expect(letters(state)).toHaveLength(1);
  });

  it("are only repetitions when sender, reference and content are the same", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter(LETTER);
    await bed.bench.legacy.sendLetter({ ...LETTER, title: "Anderer Betreff" });
    await bed.bench.legacy.sendLetter({ ...LETTER, reference: "AZ 99" });
    await bed.bench.legacy.sendLetter({ ...LETTER, attachments: [] });
    await bed.bench.as(bed.keys.second).sendLetter(LETTER);
    expect(letters(bed.bench.state)).toHaveLength(5);
    expect(new Set(letters(bed.bench.state).map(({ message }) => message.conversation)).size).toBe(
      3,
    );
  });

  it("of a letter that the phase did not take are taken when it does", async () => {
    let takes = false;
    const beforeAccept = () => {
      if (!takes) throw new GatewayError("NOT_ALLOWED", "phase drain takes nothing");
    };
    await bed.open({ options: { beforeAccept } });
    const refused = await bed.bench.legacy.sendLetter(LETTER);
    expect([refused.status, (refused.json as { code: string }).code]).toEqual([503, "UNAVAILABLE"]);
    expect(JSON.stringify(refused.json)).not.toContain("drain");
    expect(letters(bed.bench.state)).toEqual([]);
    takes = true;
    expect((await bed.bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bed.bench.state)).toHaveLength(1);
  });

  it("after seven days are a new letter", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter(LETTER);
    for (const [name, value] of bed.bench.state.records) {
      if (!name.startsWith("letter:")) continue;
      const record = JSON.parse(value) as { at: string; generation: string };
      const old = new Date(Date.now() - 7 * 86_400_000 - 1_000);
      const day = old.toISOString().slice(0, 10);
      bed.bench.state.records.set(name, JSON.stringify({ ...record, at: old, generation: day }));
      for (const [id, kept] of bed.bench.state.messages) {
        const sourceId = kept.message.sourceId.replace(record.generation, day);
        bed.bench.state.messages.set(id, { ...kept, message: { ...kept.message, sourceId } });
      }
    }
    await bed.bench.legacy.sendLetter(LETTER);
    await bed.bench.legacy.sendLetter(LETTER);
    expect(letters(bed.bench.state)).toHaveLength(2);
  });

  it("strictly: another content under the same reference is refused", async () => {
    await bed.open({ sender: { strictDuplicates: true } });
    const first = await bed.bench.legacy.sendLetter(LETTER);
    expect(await bed.bench.legacy.sendLetter({ ...LETTER, title: "Anderer" })).toMatchObject({
      status: 409,
      json: { code: "DUPLICATE_REFERENCE", field: "reference" },
    });
    expect((await bed.bench.legacy.sendLetter(LETTER)).json).toEqual(first.json);
    const { reference: _, ...free } = LETTER;
    expect((await bed.bench.legacy.sendLetter({ ...free, title: "a" })).status).toBe(200);
    expect((await bed.bench.legacy.sendLetter({ ...free, title: "b" })).status).toBe(200);
  });

  it("are forgotten when their time is over", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter(LETTER);
    for (const [name, value] of bed.bench.state.records)
      bed.bench.state.records.set(
        name,
        value.replace(/"at":"[^"]+"/, '"at":"2020-01-01T00:00:00.000Z"'),
      );
    await bed.bench.tick();
    expect(
      [...bed.bench.state.records.keys()].filter((name) => /^(letter|reference):/.test(name)),
    ).toEqual([]);
  });
});

describe("acknowledgement", () => {
  it("never before the letter is accepted", async () => {
    const gate = Promise.withResolvers<undefined>();
    const reached = Promise.withResolvers<undefined>();
    await bed.open({
      options: {
        beforeAccept: async () => {
          reached.resolve(undefined);
          await gate.promise;
        },
      },
    });
    let answered = false;
    const sending = bed.bench.legacy.sendLetter(LETTER).finally(() => (answered = true));
    await reached.promise;
    expect([answered, letters(bed.bench.state).length]).toEqual([false, 0]);
    gate.resolve(undefined);
    expect((await sending).status).toBe(200);
  });

  it("none when accepting fails: the sender is told to come again", async () => {
    let broken = true;
    await bed.open({
      options: {
        beforeAccept: () => {
          if (broken) throw new Error("the database is gone");
        },
      },
    });
    const reaction = await bed.bench.legacy.sendLetter(LETTER);
    expect(reaction).toMatchObject({ status: 503, json: { code: "UNAVAILABLE", retryable: true } });
    expect(reaction.headers["retry-after"]).toBe("30");
    expect(JSON.stringify(reaction.json)).not.toContain("database");
    broken = false;
    expect((await bed.bench.legacy.sendLetter(LETTER)).status).toBe(200);
    expect(letters(bed.bench.state)).toHaveLength(1);
  });
});

describe("a mailbox that nobody reads", () => {
  it("is unknown", async () => {
    await bed.open();
    expect(
      await bed.bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX }),
    ).toMatchObject({
      status: 404,
      json: { code: "MAILBOX_UNKNOWN" },
    });
    expect((await bed.bench.legacy.probe(OTHER_MAILBOX)).status).toBe(404);
    expect(await bed.bench.legacy.probe(MAILBOX)).toMatchObject({
      status: 200,
      json: { acceptsMessages: true, replySupported: true },
    });
  });
  it("holds its letters, and does not promise more than that", async () => {
    await bed.open({ sender: { unlinked: "hold" } });
    const reaction = await bed.bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX });
    expect(reaction).toMatchObject({ status: 202, json: { state: "held" } });
    const [kept] = letters(bed.bench.state);
    expect(kept).toMatchObject({ state: "held", hold: { code: "RECIPIENT_UNLINKED" } });
    bed.bench.state.settle(kept?.message.id ?? "", "pending");
    expect(
      (await bed.bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX })).status,
    ).toBe(200);
    expect(letters(bed.bench.state)).toHaveLength(1);
  });
  it("whose held letter an operator rejected takes a new one", async () => {
    await bed.open({ sender: { unlinked: "hold" } });
    await bed.bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX });
    bed.bench.state.settle(letters(bed.bench.state)[0]?.message.id ?? "", "rejected");
    expect(
      (await bed.bench.legacy.sendLetter({ ...LETTER, mailboxUuid: OTHER_MAILBOX })).status,
    ).toBe(202);
    expect(letters(bed.bench.state).map(({ state }) => state)).toEqual(["rejected", "held"]);
  });
});
