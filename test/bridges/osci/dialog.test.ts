import { describe, expect, it } from "vitest";
import type { ControlBlock } from "../../../bridges/osci/wire/control-block.ts";
import {
  acceptResponse,
  controlFaults,
  dropped,
  explicitDialog,
  implicitDialog,
  newChallenge,
  nextRequest,
  type Dialog,
  type Exchange,
} from "../../../bridges/osci/wire/dialog.ts";
import { OsciError } from "../../../bridges/osci/wire/errors.ts";
import { REQUEST_TYPES, responseTo, type RequestType } from "../../../bridges/osci/wire/names.ts";

function osciCodeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof OsciError) return error.osciCode;
    throw error;
  }
  return "accepted";
}

const inDialog = { conversationId: "1003" } as const;

/** Init {Ch a} → {R a, Ch b}; then the requests given. The transcript is that of facts §1.4. */
function opened(): Dialog {
  const exchange = nextRequest(explicitDialog(), "InitDialog", "a");
  return acceptResponse(exchange, "ResponseToInitDialog", {
    ...inDialog,
    response: "a",
    challenge: "b",
  });
}

describe("an explicit dialog", () => {
  it("goes as the recorded one", () => {
    const init = nextRequest(explicitDialog(), "InitDialog", "a");
    expect(init.control).toEqual({ challenge: "a" });
    const fetch = nextRequest(opened(), "FetchDelivery", "c");
    expect(fetch.control).toEqual({
      ...inDialog,
      response: "b",
      challenge: "c",
      sequenceNumber: 0,
    });
    const second = acceptResponse(fetch, "ResponseToFetchDelivery", {
      ...inDialog,
      response: "c",
      challenge: "d",
      sequenceNumber: 0,
    });
    const card = nextRequest(second, "FetchProcessCard", "e");
    expect(card.control).toEqual({ ...inDialog, response: "d", challenge: "e", sequenceNumber: 1 });
    const third = acceptResponse(card, "ResponseToFetchProcessCard", {
      ...inDialog,
      response: "e",
      challenge: "f",
      sequenceNumber: 1,
    });
    const exit = nextRequest(third, "ExitDialog", "g");
    expect(exit.control).toEqual({ ...inDialog, response: "f", challenge: "g", sequenceNumber: 2 });
    const over = acceptResponse(exit, "ResponseToExitDialog", {
      ...inDialog,
      response: "g",
      sequenceNumber: 2,
    });
    expect(over.stage).toBe("over");
  });

  const fetch = (): Exchange => nextRequest(opened(), "FetchDelivery", "c");
  const right: ControlBlock = { ...inDialog, response: "c", challenge: "d", sequenceNumber: 0 };
  const without = (key: keyof ControlBlock): ControlBlock => {
    const { [key]: _left, ...rest } = right;
    return rest;
  };

  it.each<[string, ControlBlock, string]>([
    ["nothing", right, "accepted"],
    ["another Response", { ...right, response: "x" }, "9400"],
    ["our own Response of before", { ...right, response: "b" }, "9400"],
    ["another conversation", { ...right, conversationId: "1004" }, "9400"],
    ["the next SequenceNumber", { ...right, sequenceNumber: 1 }, "9400"],
    ["no Response", without("response"), "9100"],
    ["no Challenge", without("challenge"), "9100"],
    ["no ConversationId", without("conversationId"), "9802"],
    ["no SequenceNumber", without("sequenceNumber"), "9100"],
  ])("checks its answers: wrong is %s", (_name, answer, code) => {
    expect(osciCodeOf(() => acceptResponse(fetch(), "ResponseToFetchDelivery", answer))).toBe(code);
  });

  it("refuses the answer to another request", () => {
    expect(osciCodeOf(() => acceptResponse(fetch(), "ResponseToFetchProcessCard", right))).toBe(
      "9400",
    );
    expect(osciCodeOf(() => acceptResponse(fetch(), "FetchDelivery", right))).toBe("9400");
  });

  it("refuses a SequenceNumber in the answer to InitDialog and a Challenge in the last one", () => {
    const init = nextRequest(explicitDialog(), "InitDialog", "a");
    const answer = { ...inDialog, response: "a", challenge: "b" };
    expect(
      osciCodeOf(() =>
        acceptResponse(init, "ResponseToInitDialog", { ...answer, sequenceNumber: 0 }),
      ),
    ).toBe("9400");
    const exit = nextRequest(opened(), "ExitDialog", "g");
    const last = { ...inDialog, response: "g", challenge: "h", sequenceNumber: 0 };
    expect(osciCodeOf(() => acceptResponse(exit, "ResponseToExitDialog", last))).toBe("9400");
  });

  it("takes no step out of turn", () => {
    expect(osciCodeOf(() => nextRequest(explicitDialog(), "FetchDelivery", "x"))).toBe("9802");
    expect(osciCodeOf(() => nextRequest(opened(), "InitDialog", "x"))).toBe("9802");
    expect(osciCodeOf(() => nextRequest(dropped(opened()), "ExitDialog", "x"))).toBe("9802");
    expect(osciCodeOf(() => nextRequest(opened(), "AcceptDelivery", "x"))).toBe("9802");
  });
});

describe("an implicit dialog", () => {
  it("is one exchange with SequenceNumber 0 and any ConversationId in the answer", () => {
    const exchange = nextRequest(implicitDialog(), "GetMessageId", "a");
    expect(exchange.control).toEqual({ challenge: "a", sequenceNumber: 0 });
    const answer = { response: "a", conversationId: "77", sequenceNumber: 0 };
    const over = acceptResponse(exchange, "ResponseToGetMessageId", answer);
    expect(over).toEqual({ kind: "implicit", stage: "over" });
    expect(osciCodeOf(() => nextRequest(over, "StoreDelivery", "b"))).toBe("9802");
  });

  it.each<[string, ControlBlock, string]>([
    ["no ConversationId", { response: "a", sequenceNumber: 0 }, "9802"],
    ["another SequenceNumber", { response: "a", conversationId: "1", sequenceNumber: 1 }, "9400"],
    ["another Response", { response: "b", conversationId: "1", sequenceNumber: 0 }, "9400"],
  ])("refuses an answer with %s", (_name, answer, code) => {
    const exchange = nextRequest(implicitDialog(), "StoreDelivery", "a");
    expect(osciCodeOf(() => acceptResponse(exchange, "ResponseToStoreDelivery", answer))).toBe(
      code,
    );
  });

  it.each<RequestType>([
    "InitDialog",
    "FetchDelivery",
    "FetchProcessCard",
    "ExitDialog",
    "MediateDelivery",
  ])("is none for %s", (request) => {
    expect(osciCodeOf(() => nextRequest(implicitDialog(), request, "a"))).toBe("9802");
  });
});

describe("challenges and single messages", () => {
  it("are ten random bytes in base64", () => {
    const some = Array.from({ length: 50 }, newChallenge);
    expect(new Set(some).size).toBe(50);
    expect(some.every((challenge) => Buffer.from(challenge, "base64").length === 10)).toBe(true);
  });

  it("has a rule for each type of message", () => {
    const all = { response: "a", challenge: "b", conversationId: "1", sequenceNumber: 0 };
    for (const type of REQUEST_TYPES) {
      expect(controlFaults(type, {}), type).toContain("Challenge is missing");
      expect(controlFaults(responseTo(type), {}), type).toContain("Response is missing");
    }
    expect(controlFaults("InitDialog", all)).toEqual([
      "Response must not be there",
      "ConversationId must not be there",
      "SequenceNumber must not be there",
    ]);
    expect(controlFaults("ResponseToExitDialog", all)).toEqual(["Challenge must not be there"]);
    expect(controlFaults("FetchDelivery", all)).toEqual([]);
  });
});
