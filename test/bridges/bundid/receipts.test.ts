import { createTransport } from "nodemailer";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import type { Message } from "../../../src/model/message.ts";
import { deadPort } from "../../support/dead-port.ts";
import { MemoryState } from "../../support/bridge-context.ts";
import {
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  senderSettings,
  startZbp,
} from "./bench.ts";
import type { Bench, Keys } from "./bench.ts";

let keys: Keys;
let zbp: ZbpSimulator;
let state: MemoryState;
let bench: Bench;
let port: number;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => {
  port = await deadPort();
  zbp = await startZbp(keys, { smtp: { host: "127.0.0.1", port } });
  zbp.createMailbox({ uuid: MAILBOX });
  state = new MemoryState();
  bench = makeBridge(
    keys,
    {
      sender: senderSettings(keys, zbp.url),
      receipts: { listen: `127.0.0.1:${port}`, domain: "gw.example" },
    },
    { state },
  );
  await bench.bridge.start();
});
afterEach(async () => {
  await bench.stop();
  await zbp.close();
});

async function sendLetter(): Promise<{ letter: Message; remoteId: string; address: string }> {
  const letter = state.add(letterTo(MAILBOX));
  const { remoteId } = await bench.bridge.deliver(letter, letter.id, never);
  const address = zbp.letters().at(-1)?.letter.retrievalConfirmationAddress ?? "";
  return { letter, remoteId, address };
}
const mailsDone = () => zbp.until(() => zbp.state.pendingMails.length === 0);
async function mail(to: string, subject: string, text = "", date = new Date()): Promise<void> {
  const transport = createTransport({ host: "127.0.0.1", port, ignoreTLS: true });
  try {
    await transport.sendMail({ from: "zbp@bund.example", to, subject, text, date });
  } finally {
    transport.close();
  }
}

describe("confirmations by mail", () => {
  it("tell that a letter was opened, with the mail as evidence", async () => {
    const { letter, remoteId, address } = await sendLetter();
    expect(address).toMatch(/^ack\+[0-9a-f]{32}\.[a-z2-7]{26}@gw\.example$/);
    zbp.openLetter(remoteId);
    await mailsDone();
    const [report] = state.reports;
    expect(report).toMatchObject({ target: { id: letter.id }, kind: "retrieved" });
    expect(state.blobs.get(report?.evidence?.digest.slice(7) ?? "")?.toString()).toContain(
      remoteId,
    );
    expect(state.quarantined.size).toBe(0);
  });

  it("tell that the mailbox is gone", async () => {
    const { letter } = await sendLetter();
    zbp.deleteMailbox(MAILBOX);
    await mailsDone();
    expect(state.reports).toMatchObject([
      {
        target: { id: letter.id },
        kind: "recipient-gone",
        notice: expect.stringContaining("gelöscht"),
      },
    ]);
  });

  it("reach the right one of many letters", async () => {
    const letters = [await sendLetter(), await sendLetter(), await sendLetter()];
    zbp.openLetter(letters[1]?.remoteId ?? "");
    await mailsDone();
    expect(state.reports.map(({ target }) => target)).toEqual([{ id: letters[1]?.letter.id }]);
  });

  it("may come twice", async () => {
    const { address } = await sendLetter();
    await mail(address, "Lesebestätigung");
    await mail(address.toUpperCase().replace("GW.EXAMPLE", "gw.example"), "Gelesen");
    expect(state.reports).toHaveLength(1);
  });

  it("take the time of the mail only when it can be true", async () => {
    const { address } = await sendLetter();
    await mail(address, "Lesebestätigung", "", new Date("2001-01-01T00:00:00Z"));
    expect(Date.now() - (state.reports[0]?.at.getTime() ?? 0)).toBeLessThan(60_000);
  });

  it("prove that a letter of unknown outcome arrived", async () => {
    const { letter, address } = await sendLetter();
    const kept = state.messages.get(letter.id);
    if (kept !== undefined) kept.state = "unknown";
    await mail(address, "Ihre Nachricht wurde abgerufen");
    expect(await bench.bridge.find?.(letter, letter.id, never)).toMatchObject({
      receipt: { kind: "delivered" },
    });
  });
});

describe("mails that say nothing", () => {
  const only = () => [...state.quarantined.values()][0];
  it.each([
    [
      "a changed address",
      (address: string) => address.replace(/.@/, (end) => (end[0] === "a" ? "b@" : "a@")),
    ],
    ["a cut address", (address: string) => address.replace(/.{5}@/, "@")],
    ["an invented one", () => "ack+hallo@gw.example"],
  ])("are kept for the operator: %s", async (_what, change) => {
    const { address } = await sendLetter();
    await mail(change(address), "Lesebestätigung");
    expect(state.reports).toEqual([]);
    expect(only()).toMatchObject({ code: "ROUTING_INVALID" });
    expect(state.blobs.get(only()?.original.digest.slice(7) ?? "")?.toString()).toContain(
      "Subject:",
    );
  });
  it.each([
    ["neither kind", "Abwesenheitsnotiz", "Ich bin im Urlaub."],
    ["both kinds", "Hinweis", "Die Nachricht wurde gelesen und das Postfach gelöscht."],
  ])("are kept for the operator: %s", async (_what, subject, text) => {
    const { address } = await sendLetter();
    await mail(address, subject, text);
    expect(state.reports).toEqual([]);
    expect(only()).toMatchObject({ code: "INPUT_INVALID" });
    const [item] = [...state.quarantined.values()];
    if (item === undefined) throw new Error("not in quarantine");
    await expect(bench.bridge.readmit?.(item, never)).rejects.toMatchObject({
      code: "INPUT_INVALID",
    });
  });
  it("are about a letter we did not send", async () => {
    const { letter, address } = await sendLetter();
    state.messages.delete(letter.id);
    await mail(address, "Lesebestätigung");
    expect(only()).toMatchObject({ code: "ROUTING_INVALID" });
  });
  it.each(["info@gw.example", "ack+x@anderswo.example"])(
    "are not taken at all for %s",
    async (to) => {
      await expect(mail(to, "Lesebestätigung")).rejects.toMatchObject({ responseCode: 550 });
      expect(state.quarantined.size).toBe(0);
    },
  );
});

it("a mail that cannot be recorded stays with the sender", async () => {
  const { address } = await sendLetter();
  const { report } = bench.context;
  Object.assign(bench.context, {
    report: () => Promise.reject(new Error("the database is gone")),
  });
  await expect(mail(address, "Lesebestätigung")).rejects.toMatchObject({ responseCode: 451 });
  Object.assign(bench.context, { report });
  await mail(address, "Lesebestätigung");
  expect(state.reports).toHaveLength(1);
});
