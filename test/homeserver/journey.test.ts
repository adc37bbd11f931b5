import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { JOURNEYS, WHOLE_STACK } from "../../deploy/demo/journeys/index.ts";
import { settledLetters } from "../../deploy/demo/journeys/steps.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { silentTimeline } from "../support/journey.ts";

const LONG_MS = 170_000;

/** The demo's journeys over the strict simulated homeserver, in rooms of both versions. */
describe.for(["11", "12"] as const)("journeys in rooms of version %s", (roomVersion) => {
  const dir = makeTemporaryFolder("journey");
  const timeline = silentTimeline();
  let stack: Stack;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      homeserver: "simulated",
      roomVersion,
      ...WHOLE_STACK,
      firstRetry: "500ms",
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  for (const { what, play, isLong = false } of JOURNEYS)
    // A long one takes its time; rooms of version 11 have it over Synapse.
    test.runIf(roomVersion === "12" || !isLong)(
      what,
      () => play({ stack, gateway, timeline }),
      isLong ? LONG_MS : undefined,
    );
  test("nothing is owed to anybody afterwards", async () => {
    expect((await settledLetters(gateway)).length).toBeGreaterThan(0);
  });
});
