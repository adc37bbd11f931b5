import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import {
  letterIntoMailbox,
  letterIntoMatrix,
  letterPassedOn,
} from "../../deploy/demo/journeys/bundid.ts";
import { courtAndAuthority } from "../../deploy/demo/journeys/egvp.ts";
import { acrossTheCountry } from "../../deploy/demo/journeys/fink.ts";
import { pilotMoves } from "../../deploy/demo/journeys/transition.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { silentTimeline } from "../support/journey.ts";

const PILOT_MS = 170_000;

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
      egvp: {},
      fink: true,
      pilot: true,
      firstRetry: "500ms",
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test("a letter comes into Matrix, its answer goes back", async () => {
    await letterIntoMatrix({ stack, gateway, timeline });
  });
  test("a letter goes into the mailbox, its answer comes back", async () => {
    await letterIntoMailbox({ stack, gateway, timeline });
  });
  test("a letter for somebody else passes through unchanged", async () => {
    await letterPassedOn({ stack, gateway, timeline });
  });
  test("a court writes, a clerk gives a receipt with legal effect and answers", async () => {
    await courtAndAuthority({ stack, gateway, timeline });
  });
  test("a letter crosses the country between two service accounts", async () => {
    await acrossTheCountry({ stack, gateway, timeline });
  });
  // It takes its time; rooms of version 11 have it over Synapse.
  test.runIf(roomVersion === "12")(
    "a pilot group moves step by step and one step back, with letters under way",
    async () => {
      await pilotMoves({ stack, gateway, timeline });
    },
    PILOT_MS,
  );
  test("nothing is owed to anybody afterwards", async () => {
    const { letters } = (await gateway.admin("/api/v1/letters?limit=1000")) as {
      letters: { state: string }[];
    };
    expect(letters.length).toBeGreaterThan(0);
    const settled = ["delivered", "rejected"];
    expect(letters.filter(({ state }) => !settled.includes(state))).toEqual([]);
  });
});
