import { describe, expect, it } from "vitest";
import { signContent, signerOf } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { MAILBOX } from "./bench.ts";
import { LETTER, letters, useInlet } from "./inlet-bench.ts";

const bed = useInlet();

describe("application states", () => {
  const state = {
    applicationId: LETTER.applicationId ?? "",
    status: "ACTION_REQUIRED",
    publicServiceName: { de: "Bauvoranfrage" },
    senderName: "Bauamt",
    statusDetails: { de: "Unterlagen fehlen" },
    createdDate: "2026-11-21T10:00:00.000Z",
  } as const;
  it("become a message in the room of the case, once", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter(LETTER);
    expect((await bed.bench.legacy.sendState(state)).status).toBe(200);
    expect((await bed.bench.legacy.sendState(state)).status).toBe(200);
    const [letter, status, ...more] = letters(bed.bench.state);
    expect(more).toEqual([]);
    expect(status?.message).toMatchObject({
      conversation: letter?.message.conversation,
      to: [{ address: MAILBOX }],
      subject: "Stand Ihres Antrags: Bauvoranfrage",
      text: "Stand: Ihre Mitwirkung ist nötig\nUnterlagen fehlen",
      level: 3,
      replyPolicy: "forbidden",
      extra: { kind: "application-state", status: "ACTION_REQUIRED" },
    });
  });
  it("of an application that nobody knows are refused or held", async () => {
    await bed.open();
    expect((await bed.bench.legacy.sendState(state)).status).toBe(404);
    await bed.bench.close();
    await bed.open({ sender: { unlinked: "hold" } });
    expect((await bed.bench.legacy.sendState(state)).status).toBe(202);
    expect(letters(bed.bench.state)[0]?.state).toBe("held");
  });
  it("of somebody else's application do not reach the case", async () => {
    await bed.open();
    await bed.bench.legacy.sendLetter(LETTER);
    expect((await bed.bench.as(bed.keys.second).sendState(state)).status).toBe(404);
  });
  it("are checked like letters", async () => {
    await bed.open();
    const wrong = Buffer.from(
      signContent(JSON.stringify({ ...state, status: "NONE" }), signerOf(bed.keys.legacy)),
    );
    const path = "/v6/mailbox/applications/states";
    expect(await bed.bench.legacy.call("POST", path, wrong, "application/json")).toMatchObject({
      status: 400,
      json: { field: "status" },
    });
    const forged = Buffer.from(signContent(JSON.stringify(state), signerOf(bed.keys.second)));
    expect((await bed.bench.legacy.call("POST", path, forged, "application/json")).status).toBe(
      403,
    );
    expect((await bed.bench.legacy.call("POST", path, forged, "text/plain")).status).toBe(400);
    expect(
      (await bed.bench.legacy.call("POST", path, Buffer.alloc(70_000), "application/json")).status,
    ).toBe(413);
  });
});
