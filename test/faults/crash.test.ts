import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { FAULT_POINTS } from "../../src/pipeline/fault-points.ts";
import {
  arrivedInMailbox,
  arrivedInMatrix,
  filesInMatrix,
  numbers,
  openCase,
  sendFromLegacy,
  sendFromMatrix,
  waitForAll,
} from "./traffic.ts";

/**
 * The gateway kills itself (SIGKILL) at every marked point while letters travel in both directions, and is started
 * again, as a service manager would. Nothing may be lost, doubled or reordered, on either side.
 */
const LETTERS = 4;

describe("kill -9 at every marked point", () => {
  const dir = makeTemporaryFolder("crash");
  let stack: Stack;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "simulated",
      sweepEvery: "1s",
      firstRetry: "500ms",
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.for(FAULT_POINTS.flatMap((point) => [1, 3].map((pass) => [point, pass] as const)))(
    "%s, pass %i",
    async ([point, pass]) => {
      const reference = `Az-${point}-${pass}`;
      const roomId = await openCase(stack, gateway, reference);
      await gateway.stop();

      const doomed = stack.launchGateway({ POSTFACH_FAULT_POINT: `${point}:${pass}` });
      const legacy = sendFromLegacy(stack, reference, LETTERS);
      const matrix = sendFromMatrix(stack, roomId, reference, LETTERS);
      const end = await doomed.child.exited;
      expect(end.signal, "the gateway must die at that point, else this proves nothing").toBe(
        "SIGKILL",
      );
      gateway = await stack.startGateway();
      await Promise.all([legacy, matrix]);

      const inMatrix = await waitForAll(async () => {
        await stack.clara.look();
        return arrivedInMatrix(stack, reference);
      }, LETTERS);
      const inMailbox = await waitForAll(() => arrivedInMailbox(stack, reference), LETTERS);
      expect(inMatrix, "in Matrix: every letter once, in order").toEqual(numbers(LETTERS));
      expect(filesInMatrix(stack, reference), "every attachment once").toBe(LETTERS);
      expect(inMailbox, "in the mailbox: every letter once, in order").toEqual(numbers(LETTERS));
    },
  );
});
