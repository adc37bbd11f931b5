import { describe, expect, it } from "vitest";
import { review } from "../../../src/matrix/envelope.ts";
import type { MatrixAccount } from "../../../src/matrix/contract.ts";
import { matrixAccountSample, messageSample } from "./samples.ts";
import { recordingLog } from "./support.ts";

function ask(answer: MatrixAccount["review"], signal = AbortSignal.timeout(5_000)) {
  const { log, lines } = recordingLog();
  const deps = { log, account: () => matrixAccountSample({ review: answer }) };
  const asked = review(deps, { account: "bauamt" }, messageSample(), signal, 30);
  return { asked, lines };
}
const refusal = { code: "ATTACHMENT_REJECTED", detail: "too many" } as const;

describe("the bridge's review of a letter", () => {
  it("is what the bridge says", async () => {
    await expect(ask(() => Promise.resolve(refusal)).asked).resolves.toEqual(refusal);
    await expect(ask(() => Promise.resolve(undefined)).asked).resolves.toBeUndefined();
    await expect(ask(undefined).asked).resolves.toBeUndefined();
  });

  it.each<[string, MatrixAccount["review"]]>([
    ["rejects", () => Promise.reject(new Error("broken"))],
    [
      "throws",
      () => {
        throw new Error("broken");
      },
    ],
    ["never answers", () => new Promise(() => undefined)],
  ])("lets the letter go on when it %s, and logs it", async (_what, answer) => {
    const { asked, lines } = ask(answer);
    await expect(asked).resolves.toBeUndefined();
    expect(lines).toMatchObject([{ level: "error", event: "review-failed" }]);
  });

  it("gives up when the gateway stops: the event is taken in later", async () => {
    const stop = new AbortController();
    const { asked } = ask(() => new Promise(() => undefined), stop.signal);
    stop.abort(new Error("the gateway stops"));
    await expect(asked).rejects.toThrow("the gateway stops");
  });
});
