import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli, startCli, type GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterBlock, pause } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { ACCOUNT, CLARA_MAILBOX } from "../../deploy/demo/worlds/bundid.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import type { FaultPoint } from "../../src/pipeline/fault-points.ts";

/**
 * SIGKILL while a history moves: of the command that feeds it, of the gateway that hands it over, and of both. Whatever
 * dies, the same command run again ends with every letter in its room once, in order, and nothing is told upstream.
 */
const CASES = 4;
const LETTERS = 40;
const RATE = "25";
const BEGIN = Date.UTC(2020, 0, 1);
const HOUR_MS = 3_600_000;

describe("kill -9 while a history moves", () => {
  const dir = makeTemporaryFolder("migrate-crash");
  let stack: Stack;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      ...{ homeserver: "simulated", firstRetry: "300ms" },
    });
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.for(["command", "gateway", "both"] as const)("of: %s", async (victim) => {
    const file = writeExport(victim);
    const moving = startCli(command(file), join(dir, "migrate.log"));
    await untilStored(victim, 8);
    if (victim !== "gateway") await moving.kill();
    if (victim !== "command") {
      await gateway.kill();
      expect((await gateway.child.exited).signal).toBe("SIGKILL");
      gateway = await stack.startGateway();
    }
    // A command whose gateway died goes on: what it stores waits for the next one.
    if (victim === "gateway") expect((await moving.exited).code).toBe(0);
    await everythingOnce(victim, file);
  });

  test("Ctrl-C finishes the letter at hand, says how to go on, and ends with 130", async () => {
    const file = writeExport("stop");
    const moving = startCli(command(file), join(dir, "stopped.log"));
    await untilStored("stop", 8);
    moving.signal("SIGINT");
    expect((await moving.exited).code).toBe(130);
    const said = readFileSync(join(dir, "stopped.log"), "utf8");
    expect(said).toContain(`migrate --account ${ACCOUNT} --from jsonl:${file}`);
    expect(said).not.toContain("INTERNAL");
    const status = await runCli([
      ...["migrate", "status", "--account", ACCOUNT, "--json"],
      ...["--config", stack.written.configFile],
    ]);
    const { runs } = JSON.parse(status.output) as { runs: { source: string; done: number }[] };
    const run = runs.find(({ source }) => source.startsWith("jsonl:stop.jsonl"));
    expect(run?.done).toBeGreaterThanOrEqual(8);
    expect(run?.done).toBeLessThan(LETTERS);
    await everythingOnce("stop", file);
  });

  const points: readonly (readonly [FaultPoint, number])[] = [
    ["after-begin-attempt", 5],
    ["after-deliver", 9],
    ["after-settle", 13],
  ];
  test.for(points)("of the gateway at %s, pass %i", async ([point, pass]) => {
    await gateway.stop();
    const doomed = stack.launchGateway({ POSTFACH_FAULT_POINT: `${point}:${pass}` });
    const file = writeExport(point);
    while (
      !(await fetch(`${doomed.adminUrl}/ready`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await pause(50);
    const moving = startCli(command(file), join(dir, "migrate.log"));
    expect((await doomed.child.exited).signal, "it must die there").toBe("SIGKILL");
    gateway = await stack.startGateway();
    expect((await moving.exited).code).toBe(0);
    await everythingOnce(point, file);
  });

  const command = (file: string) => [
    ...["migrate", "--account", ACCOUNT, "--from", `jsonl:${file}`, "--rate", RATE],
    ...["--config", stack.written.configFile],
  ];

  /** The newest first: order is the work of the command. */
  function writeExport(series: string): string {
    const office = { address: "authority:Amt", name: "Amt", role: "authority" };
    const clara = { address: CLARA_MAILBOX, role: "citizen" };
    const lines = Array.from({ length: LETTERS }, (_, n) =>
      JSON.stringify({
        ...{
          id: `${series}-${n}`,
          sentAt: new Date(BEGIN + n * HOUR_MS),
          from: office,
          to: [clara],
        },
        ...{ subject: series, text: `${series} Nr. ${n}.` },
        case: { reference: `${series}-${n % CASES}` },
      }),
    );
    const file = join(dir, `${series}.jsonl`);
    writeFileSync(file, lines.reverse().join("\n"));
    return file;
  }

  async function untilStored(series: string, count: number): Promise<void> {
    for (const end = Date.now() + 60_000; ;) {
      const { letters } = (await gateway.admin(
        `/api/v1/letters?account=${ACCOUNT}&limit=1000`,
      )) as { letters: { sourceId: string }[] };
      if (letters.filter(({ sourceId }) => sourceId.startsWith(`${series}-`)).length >= count)
        return;
      if (Date.now() > end) throw new Error("nothing was stored");
      await pause(20);
    }
  }

  async function everythingOnce(series: string, file: string): Promise<void> {
    const again = await runCli(command(file));
    expect([again.ok, again.output.includes("0 difference(s)")], again.output).toEqual([
      true,
      true,
    ]);
    const { clara, bundid } = stack;
    await clara.waitFor("the rooms", ({ content }) => String(content.body).includes(series));
    await clara.look();
    const numbers: number[] = [];
    for (const roomId of await clara.client.joinedRooms()) {
      const found = (await clara.client.timeline(roomId)).flatMap((event) => {
        const text = new RegExp(`^${series} Nr\\. (\\d+)\\.`, "m").exec(String(event.content.body));
        return letterBlock(event) && text ? [Number(text[1])] : [];
      });
      expect(found, "in order").toEqual(found.toSorted((a, b) => a - b));
      numbers.push(...found);
    }
    expect(
      numbers.sort((a, b) => a - b),
      "each once",
    ).toEqual(Array.from({ length: LETTERS }, (_, n) => n));
    expect([bundid.mails.mails.length, bundid.zbp.letters().length]).toEqual([0, 0]);
  }
});
