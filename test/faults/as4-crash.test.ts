import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterBlock, pause, type Reader } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import type { Place, World } from "../../deploy/demo/worlds/world.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import {
  startAccessPoint,
  type AccessPointSimulator,
  type Mischief,
  type OperationName,
} from "../../fixtures/simulators/access-point/index.ts";
import type { FaultPoint } from "../../src/pipeline/fault-points.ts";
import { MODE, UNREGISTERED } from "../bridges/fink/as4-bench.ts";
import { as4Settings, NW_PLACE, TH_PLACE } from "../bridges/fink/as4-world.ts";
import { MAILBOX, makeKeys, type Keys } from "../bridges/fink/bench.ts";
import { numbers, waitForAll } from "./traffic.ts";

/**
 * SIGKILL within the calls to an access point and around the store, while letters cross from one Land to the other and
 * both their accounts live in the gateway that dies. Message ids never change, so nothing needs an operator.
 */
const LETTERS = 4;
const PUSH_MS = 100;
const USER = "bruecke";
const PASSWORD = "AS4_TEST_PASSWORD";

const CALLS: readonly (readonly [OperationName, Mischief["kind"]])[] = [
  ["submitRequest", "cutBeforeRead"],
  ["submitRequest", "hang"],
  ["submitRequest", "cutAfterAccept"],
  ["statusRequestWithAccessPointRole", "hang"],
  ["listPendingMessagesRequest", "cutAfterAccept"],
  ["retrieveMessageRequest", "hang"],
  ["retrieveMessageRequest", "truncatedAnswer"],
  ["markMessageAsDownloadedRequest", "cutBeforeRead"],
  ["markMessageAsDownloadedRequest", "cutAfterAccept"],
];
const POINTS: readonly (readonly [FaultPoint, number])[] = [
  ["before-accept-commit", 3],
  ["after-accept-commit", 4],
  ["after-begin-attempt", 3],
  ["after-deliver", 2],
];

describe("kill -9 around AS4", () => {
  const dir = makeTemporaryFolder("as4-crash");
  let keys: Keys;
  let south: AccessPointSimulator;
  let north: AccessPointSimulator;
  let stack: Stack;
  let gateway: GatewayProcess;
  let nora: Reader;
  let thea: Reader;
  let pushing: NodeJS.Timeout;

  beforeAll(async () => {
    keys = await makeKeys();
    process.env[PASSWORD] = "geheim-42";
    [south, north] = [await openAccessPoint(TH_PLACE.party), await openAccessPoint(NW_PLACE.party)];
    south.exchange.maxAttempts = Number.POSITIVE_INFINITY;
    north.exchange.maxAttempts = Number.POSITIVE_INFINITY;
    south.exchange.connect(north.exchange);
    pushing = setInterval(() => {
      south.exchange.push();
      north.exchange.push();
    }, PUSH_MS);
    stack = await startStack({
      dir: join(dir, "stack"),
      ...{ homeserver: "simulated", sweepEvery: "1s", firstRetry: "200ms", others: [twoLaender] },
    });
    nora = await stack.person("nora");
    thea = await stack.person("thea");
    gateway = await stack.startGateway();
  });
  afterAll(async () => {
    clearInterval(pushing);
    await stack.close();
    await Promise.all([south.close(), north.close()]);
    await keys.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  test.for(CALLS)("%s: %s", async ([operation, kind]) => {
    const point = operation === "submitRequest" || operation.startsWith("status") ? south : north;
    const series = `${operation} ${kind}`;
    const roomId = await openRoom(series);
    const reached = point.requests.length;
    const seen = () => point.requests.slice(reached).some(({ name }) => name === operation);
    point.arm(operation, { kind } as Mischief);
    const writing = writeAll(roomId, series);
    for (const end = Date.now() + 60_000; !seen();) {
      if (Date.now() > end) throw new Error(`the gateway never called ${operation}`);
      await pause(1);
    }
    await gateway.kill();
    expect((await gateway.child.exited).signal).toBe("SIGKILL");
    gateway = await stack.startGateway();
    await writing;
    await everythingOnce(series);
  });

  test.for(POINTS)("%s, pass %i", async ([point, pass]) => {
    const series = `Punkt ${point}`;
    const roomId = await openRoom(series);
    await gateway.stop();
    const doomed = stack.launchGateway({ POSTFACH_FAULT_POINT: `${point}:${pass}` });
    const writing = writeAll(roomId, series);
    expect((await doomed.child.exited).signal, "it must die there").toBe("SIGKILL");
    gateway = await stack.startGateway();
    await writing;
    await everythingOnce(series);
  });

  async function openRoom(series: string): Promise<string> {
    const { roomId } = (await gateway.admin("/api/v1/conversations", {
      account: TH_PLACE.party,
      to: { address: `${NW_PLACE.entityId}|${MAILBOX}`, name: "Nora Beispiel", role: "citizen" },
      ...{ subject: series, reference: series },
    })) as { roomId: string };
    await thea.waitFor("the case room", (_event, room) => room === roomId);
    return roomId;
  }
  async function writeAll(roomId: string, series: string): Promise<void> {
    for (const n of numbers(LETTERS)) await thea.client.sendText(roomId, `${series} Nr. ${n}.`);
  }
  async function everythingOnce(series: string): Promise<void> {
    const arrived = await waitForAll(async () => {
      await nora.look();
      return [...nora.rooms.values()].flat().flatMap((event) => {
        if (letterBlock(event) === undefined || event.content.msgtype !== "m.text") return [];
        const found = new RegExp(`${series} Nr\\. (\\d+)\\.`).exec(String(event.content.body));
        return found ? [Number(found[1])] : [];
      });
    }, LETTERS);
    expect(arrived, "every letter once, in order").toEqual(numbers(LETTERS));
    const { items } = (await gateway.admin("/api/v1/quarantine")) as { items: unknown[] };
    expect(items).toEqual([]);
  }

  function openAccessPoint(party: string): Promise<AccessPointSimulator> {
    const own = { id: party, type: UNREGISTERED };
    const password = process.env[PASSWORD] ?? "";
    return startAccessPoint({ own, mode: MODE, user: USER, password });
  }

  /** The authority writes for one account, the citizen reads in the other one. */
  function twoLaender({ serverName }: Place): Promise<World> {
    const account = (
      point: AccessPointSimulator,
      [own, other]: readonly [typeof TH_PLACE, typeof TH_PLACE],
      people: object,
    ) => {
      const { as4, ...settings } = as4Settings(keys, point, own, other);
      return {
        ...{ name: own.party, bridge: "fink", title: `Servicekonto ${own.code}`, ...people },
        privateNetworks: ["127.0.0.0/8"],
        settings: { ...settings, as4: { ...(as4 as object), pollEvery: "300ms" } },
      };
    };
    const accounts = [
      account(south, [TH_PLACE, NW_PLACE], { clerks: [`@thea:${serverName}`] }),
      account(north, [NW_PLACE, TH_PLACE], {
        links: [{ mailbox: MAILBOX, user: `@nora:${serverName}` }],
      }),
    ];
    return Promise.resolve({ accounts, close: () => Promise.resolve() });
  }
});
