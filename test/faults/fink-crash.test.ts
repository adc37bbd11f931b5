import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterBlock, pause, statusBlock, until, type Reader } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import {
  AUTHORITY_MAILBOX,
  NODE_ACCOUNT,
  NORA_MAILBOX,
  type FinkWorld,
} from "../../deploy/demo/worlds/fink.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { renderNachricht, type Mischief } from "../../fixtures/simulators/postkorb/index.ts";
import type { FaultPoint } from "../../src/pipeline/fault-points.ts";
import { numbers, waitForAll } from "./traffic.ts";

/**
 * SIGKILL around the two exchanges of a mailbox node. An authority repeats its letter until it is acknowledged; a letter
 * of ours that may have been taken is never sent again by itself, because BspNachricht has no deduplication.
 */
const LETTERS = 3;
const RETRY_MS = 200;
const ARRIVING: readonly (readonly [FaultPoint, number])[] = [
  ["before-accept-commit", 2],
  ["after-accept-commit", 2],
  ["after-deliver", 1],
];

describe("kill -9 around a BspNachricht", () => {
  const dir = makeTemporaryFolder("fink-crash");
  let stack: Stack;
  let fink: FinkWorld;
  let nora: Reader;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    stack = await startStack({
      dir: join(dir, "stack"),
      ...{ homeserver: "simulated", sweepEvery: "1s", firstRetry: "300ms", fink: true },
    });
    if (stack.fink === undefined) throw new Error("no FINK");
    fink = stack.fink;
    nora = await stack.person("nora");
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    await stack.close();
    rmSync(dir, { recursive: true, force: true });
  });

  test.for(ARRIVING)("a letter arrives: %s, pass %i", async ([point, pass]) => {
    const series = `Nachforderung ${point}`;
    await gateway.stop();
    const doomed = stack.launchGateway({ POSTFACH_FAULT_POINT: `${point}:${pass}` });
    const writing = writeAll(series);
    expect((await doomed.child.exited).signal, "it must die there").toBe("SIGKILL");
    gateway = await stack.startGateway();
    await writing;
    const arrived = await waitForAll(async () => {
      await nora.look();
      return arrivedInRoom(series);
    }, LETTERS);
    expect(arrived, "every letter once, in order").toEqual(numbers(LETTERS));
    const files = [...nora.rooms.values()]
      .flat()
      .filter(({ content }) => String(content["filename"]).startsWith(point));
    expect(files, "every file once").toHaveLength(LETTERS);
  });

  const leaving: readonly (readonly [string, Mischief, "resend" | "resolve"])[] = [
    ["before the node stores it, the operator sends it again", { kind: "hang" }, "resend"],
    [
      "after the node stored it, the operator says so",
      { kind: "acceptThenCut", socket: "hang" },
      "resolve",
    ],
  ];
  test.for(leaving)("a letter leaves: %s", async ([what, mischief, act]) => {
    const roomId = await openRoom(`Vorgang ${act}`);
    const { node } = fink;
    const before = node.letters.length;
    const calls = node.requests;
    node.arm(mischief);
    const first = String(await nora.client.sendText(roomId, `Antwort ${act} Nr. 1.`));
    await nora.client.sendText(roomId, `Antwort ${act} Nr. 2.`);
    const stored = act === "resolve" ? 1 : 0;
    await until("the call", () =>
      node.requests > calls && node.letters.length === before + stored ? true : undefined,
    );
    await gateway.kill();
    expect((await gateway.child.exited).signal).toBe("SIGKILL");
    gateway = await stack.startGateway();

    await nora.waitFor("the doubt, visible in the room", (event) => {
      const block = statusBlock(event);
      return block?.["event_id"] === first && block["state"] === "in-doubt";
    });
    // Nothing is sent by itself, and what was written later does not overtake.
    await pause(2 * 1_000);
    expect([node.requests, node.letters.length], what).toEqual([calls + 1, before + stored]);

    const { letters } = (await gateway.admin(
      `/api/v1/letters?account=${NODE_ACCOUNT}&state=unknown`,
    )) as { letters: readonly { id: string }[] };
    expect(letters).toHaveLength(1);
    const id = letters[0]?.id ?? "";
    const body = act === "resend" ? {} : { to: "delivered" };
    await gateway.admin(`/api/v1/letters/${id}/${act}`, body);
    const arrived = await waitForAll(() => arrivedAtNode(act), 2);
    expect(arrived, "every letter once, in order").toEqual([1, 2]);
    expect(node.requests).toBe(calls + (act === "resend" ? 3 : 2));
  });

  /** As legacy software does: one after the other, each until it is acknowledged. */
  async function writeAll(series: string): Promise<void> {
    for (const n of numbers(LETTERS)) await write(series, n);
  }
  async function write(series: string, n: number): Promise<void> {
    const letter = renderNachricht({
      mailbox: NORA_MAILBOX,
      id: crypto.randomUUID(),
      sender: `<PostkorbId>${AUTHORITY_MAILBOX}</PostkorbId><Dienst>${series}</Dienst><Mandant>Amt</Mandant>`,
      subject: `${series} Nr. ${n}.`,
      files: [
        {
          name: `${series.split(" ")[1] ?? ""}-${n}.pdf`,
          type: "application/pdf",
          bytes: Buffer.from(`%PDF-1.7\n% ${series} ${n}\n%%EOF\n`),
        },
      ],
    });
    await until(`the receipt for ${series} ${n}`, async () => {
      const answer = await fink.authority.sendNative(letter).catch(() => undefined);
      if (answer?.code === "0") return true;
      await pause(RETRY_MS);
      return undefined;
    });
  }
  async function openRoom(series: string): Promise<string> {
    await write(series, 1);
    const { roomId } = await nora.waitFor("the case room", ({ content }) =>
      String(content.body).startsWith(`${series} Nr. 1.`),
    );
    return roomId;
  }

  function arrivedInRoom(series: string): number[] {
    return [...nora.rooms.values()].flat().flatMap((event) => {
      if (letterBlock(event) === undefined || event.content.msgtype !== "m.text") return [];
      return numberIn(String(event.content.body), series);
    });
  }
  function arrivedAtNode(act: string): number[] {
    return fink.node.letters.flatMap(({ text }) => numberIn(text, `Antwort ${act}`));
  }
});

function numberIn(text: string, prefix: string): number[] {
  const start = text.indexOf(`${prefix} Nr. `);
  return start === -1 ? [] : [Number.parseInt(text.slice(start + prefix.length + 5), 10)];
}
