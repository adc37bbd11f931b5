import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterBlock, pause, type Reader } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import {
  COURT,
  COURT_SAFE_ID,
  LEGAL_OFFICE,
  LEGAL_OFFICE_ACCOUNT,
  type EgvpWorld,
} from "../../deploy/demo/worlds/egvp.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import type { Mischief, RequestType } from "../../fixtures/simulators/osci-intermediary/index.ts";
import { numbers, waitForAll } from "./traffic.ts";

/**
 * SIGKILL at every moment of an exchange with the intermediary: before it executes the order, after it has and before
 * its answer arrives, and right after the answer. Every letter must be there once and in order, on either side.
 */
const LETTERS = 3;
const MOMENTS = {
  "before it is executed": { kind: "cutBefore" },
  "executed, not answered": { kind: "delay", ms: 3_000 },
  answered: undefined,
} as const satisfies Record<string, Mischief | undefined>;
type Moment = keyof typeof MOMENTS;
type Order = RequestType;
/** Where a moment more would tell nothing new, it is left out: an exchange without effect may be repeated anyway. */
const CASES: readonly (readonly [Order, Moment])[] = [
  ["InitDialog", "executed, not answered"],
  ["FetchDelivery", "before it is executed"],
  ["FetchDelivery", "executed, not answered"],
  ["FetchDelivery", "answered"],
  ["ExitDialog", "before it is executed"],
  ["ExitDialog", "executed, not answered"],
  ["GetMessageId", "executed, not answered"],
  ["StoreDelivery", "before it is executed"],
  ["StoreDelivery", "executed, not answered"],
  ["StoreDelivery", "answered"],
  ["FetchProcessCard", "executed, not answered"],
];
/** Orders that the court's own software sends too: it waits until the gateway met its fault. */
const SHARED: readonly Order[] = ["GetMessageId", "StoreDelivery"];

describe("kill -9 within an exchange of OSCI", () => {
  const dir = makeTemporaryFolder("osci-crash");
  let stack: Stack;
  let egvp: EgvpWorld;
  let clerk: Reader;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "simulated",
      sweepEvery: "1s",
      firstRetry: "300ms",
      egvp: { pollEvery: "500ms", cardsEvery: "500ms" },
    });
    if (stack.egvp === undefined) throw new Error("no EGVP");
    egvp = stack.egvp;
    clerk = await stack.person("rechtsamt");
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.for(CASES)("%s, %s", async ([order, moment]) => {
    const reference = `${CASES.findIndex((one) => one[0] === order && one[1] === moment) + 1} K 7/26`;
    const roomId = await openRoom(reference);
    const killed = killAt(order, moment);
    const authority = writeAll(roomId, reference);
    if (SHARED.includes(order)) await killed;
    const court = depositAll(reference);
    await killed;
    egvp.intermediary.faults.clear();
    gateway = await stack.startGateway();
    await Promise.all([court, authority]);

    const [inMatrix, atCourt] = await Promise.all([
      waitForAll(async () => {
        await clerk.look();
        return arrivedInRoom(reference);
      }, LETTERS),
      waitForAll(() => arrivedAtCourt(reference), LETTERS),
    ]);
    expect(inMatrix, "in Matrix: every letter once, in order").toEqual(numbers(LETTERS));
    expect(atCourt, "at the court: every letter once, in order").toEqual(numbers(LETTERS));
    expect(egvp.intermediary.waiting(egvp.office.cipher.certPem)).toEqual([]);
    expect(
      egvp.intermediary.observations.refusals.filter(({ codes }) => codes.includes("9601")),
    ).toEqual([]);
  });

  async function openRoom(reference: string): Promise<string> {
    const { roomId } = (await gateway.admin("/api/v1/conversations", {
      account: LEGAL_OFFICE_ACCOUNT,
      to: { address: COURT_SAFE_ID, name: COURT, role: "authority" },
      subject: `Sache ${reference}`,
      reference,
    })) as { roomId: string };
    await clerk.waitFor("the case room", (_event, room) => room === roomId);
    return roomId;
  }

  /** Resolves when the gateway is dead; it must die of this. */
  async function killAt(order: Order, moment: Moment): Promise<void> {
    const { faults, observations } = egvp.intermediary;
    const mischief = MOMENTS[moment];
    const before = observations.ofType(order).length;
    if (mischief !== undefined) faults.next(order, mischief);
    const reached = () =>
      mischief === undefined
        ? observations.ofType(order).length > before
        : faults.armed.some(({ hits }) => hits > 0);
    const end = Date.now() + 60_000;
    while (!reached()) {
      if (Date.now() > end) throw new Error(`the gateway never sent ${order}`);
      await pause(1);
    }
    await gateway.kill();
    const { signal } = await gateway.child.exited;
    expect(signal).toBe("SIGKILL");
  }

  async function depositAll(reference: string): Promise<void> {
    for (const n of numbers(LETTERS))
      await egvp.desk.depositLetter(
        {
          sender: { safeId: egvp.court.safeId, organisation: COURT },
          addressee: { safeId: egvp.office.safeId, organisation: LEGAL_OFFICE },
          subject: `Sache ${reference}`,
          text: `Gericht ${reference} Nr. ${n}.`,
          ours: reference,
          theirs: reference,
        },
        egvp.office.cipher.certPem,
      );
  }
  async function writeAll(roomId: string, reference: string): Promise<void> {
    for (const n of numbers(LETTERS))
      await clerk.client.sendText(roomId, `Behörde ${reference} Nr. ${n}.`);
  }

  function arrivedInRoom(reference: string): number[] {
    return [...clerk.rooms.values()].flat().flatMap((event) => {
      if (letterBlock(event) === undefined || event.content.msgtype !== "m.text") return [];
      return numberIn(String(event.content.body), `Gericht ${reference}`);
    });
  }
  async function arrivedAtCourt(reference: string): Promise<number[]> {
    const all = await egvp.desk.openAll();
    return all.flatMap((delivery) =>
      numberIn(delivery.document("nachricht.xml") ?? "", `Behörde ${reference}`),
    );
  }
});

function numberIn(text: string, prefix: string): number[] {
  const start = text.indexOf(`${prefix} Nr. `);
  return start === -1 ? [] : [Number.parseInt(text.slice(start + prefix.length + 5), 10)];
}
