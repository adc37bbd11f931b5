import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { JOURNEYS, WHOLE_STACK } from "../../deploy/demo/journeys/index.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import {
  arrivedInMailbox,
  arrivedInMatrix,
  numbers,
  openCase,
  sendFromLegacy,
  sendFromMatrix,
  waitForAll,
} from "../faults/traffic.ts";
import { silentTimeline } from "../support/journey.ts";
import { describeWith, useSynapse } from "../support/services/index.ts";

const synapse = await useSynapse();
const LETTERS = 10;
const LONG_MS = 240_000;

describeWith("over a real Synapse", synapse, () => {
  const dir = makeTemporaryFolder("e2e");
  const timeline = silentTimeline();
  let stack: Stack;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "synapse",
      sweepEvery: "2s",
      firstRetry: "500ms",
      ...WHOLE_STACK,
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const { what, play, isLong = false } of JOURNEYS)
    test(what, () => play({ stack, gateway, timeline }), isLong ? LONG_MS : undefined);

  test("Synapse is killed while letters travel: what push lost comes by the sweep", async () => {
    const reference = "Az-synapse-kill";
    const roomId = await openCase(stack, gateway, reference);
    // The gateway is away while the clerk writes, and Synapse dies with what it wanted to push still in memory.
    await gateway.kill();
    await sendFromMatrix(stack, roomId, reference, LETTERS);
    await stack.homeserver.kill();
    await stack.homeserver.restart();
    gateway = await stack.startGateway();
    const inMailbox = await waitForAll(() => arrivedInMailbox(stack, reference), LETTERS);
    expect(inMailbox).toEqual(numbers(LETTERS));
  });

  test("Synapse is killed while the gateway delivers: every letter once, in order", async () => {
    const reference = "Az-synapse-mid-flight";
    const sending = sendFromLegacy(stack, reference, LETTERS);
    await stack.clara.waitFor(
      "the first letter",
      () => arrivedInMatrix(stack, reference).length > 0,
    );
    await stack.homeserver.kill();
    await stack.homeserver.restart();
    await sending;
    const inMatrix = await waitForAll(async () => {
      await stack.clara.look();
      return arrivedInMatrix(stack, reference);
    }, LETTERS);
    expect(inMatrix).toEqual(numbers(LETTERS));
  });
});
