import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { letterIntoMailbox, letterIntoMatrix } from "../../deploy/demo/journeys/bundid.ts";
import { until } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { ACCOUNT, CLARA_MAILBOX } from "../../deploy/demo/worlds/bundid.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";
import { checkAgainst, type Document } from "../support/admin-wire.ts";
import { silentTimeline } from "../support/journey.ts";

const dir = makeTemporaryFolder("admin-api");
let stack: Stack;
let gateway: GatewayProcess;
beforeAll(async () => {
  stack = await startStack({ dir, homeserver: "simulated", firstRetry: "500ms" });
  gateway = await stack.startGateway();
});
afterAll(async () => {
  try {
    await stack.close();
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

const DAY_MS = 86_400_000;
const yesterday = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
/** What a request needs beside its path. */
const QUERIES: Readonly<Record<string, string>> = {
  "/api/v1/plan/compare": `?account=${ACCOUNT}&since=${yesterday}`,
  "/api/v1/plan/explain": `?account=${ACCOUNT}&mailbox=${CLARA_MAILBOX}`,
  "/api/v1/people/history": `?account=${ACCOUNT}`,
  "/api/v1/recipients": `?account=${ACCOUNT}&query=nobody`,
};

test("a running gateway answers as its own document says, in every request that reads", async () => {
  const journey = { stack, gateway, timeline: silentTimeline() };
  await letterIntoMatrix(journey);
  await letterIntoMailbox(journey);
  const headers = { authorization: `Bearer ${stack.written.adminToken}` };
  const ask = async (path: string) => {
    const answer = await fetch(gateway.adminUrl + path, { headers });
    const type = answer.headers.get("content-type") ?? "";
    return { method: "GET", path, status: answer.status, type, text: await answer.text() };
  };
  const document = JSON.parse((await ask("/api/v1/openapi.json")).text) as Document;
  const check = checkAgainst(document);
  const checked = async (path: string) => {
    const seen = await ask(path);
    check(seen);
    return seen;
  };
  const readable = Object.entries(document.paths).flatMap(([path, { get }]) => (get ? [path] : []));
  for (const path of readable.filter((it) => !it.includes("{"))) {
    const { status, text } = await checked(path + (QUERIES[path] ?? ""));
    expect(status, `${path}: ${text}`).toBe(200);
  }
  const compared = await checked(`/api/v1/plan/compare${QUERIES["/api/v1/plan/compare"]}`);
  expect((JSON.parse(compared.text) as { days: unknown[] }).days.length).toBeGreaterThan(0);
  const { letters } = JSON.parse((await ask("/api/v1/letters")).text) as {
    letters: { id: string; direction: string }[];
  };
  expect(new Set(letters.map(({ direction }) => direction)).size).toBeGreaterThan(1);
  for (const { id } of letters) {
    expect(await checked(`/api/v1/letters/${id}`)).toMatchObject({ status: 200 });
    expect(await checked(`/api/v1/plan/explain?message=${id}`)).toMatchObject({ status: 200 });
  }
  expect((await checked("/api/v1/letters/nothing")).status).toBe(404);
});

test("a plan that is refused has its code by signal and by request; the one in force goes on", async () => {
  const { configFile } = stack.written;
  const before = readFileSync(configFile, "utf8");
  const line = `- name: ${ACCOUNT}\n`;
  expect(before).toContain(line);
  writeFileSync(configFile, before.replace(line, `${line}    phase: observe\n`));
  const plan = await gateway.admin("/api/v1/plan");
  process.kill(gateway.child.pid, "SIGHUP");
  const entry = await until("the refusal in the log", () =>
    readFileSync(gateway.logFile, "utf8")
      .split("\n")
      .find((it) => it.includes('"plan-refused"')),
  );
  expect(JSON.parse(entry)).toMatchObject({
    code: "PLAN_REFUSED",
    error: expect.stringContaining("matrix → observe is not one step") as unknown,
  });
  await expect(gateway.admin("/api/v1/plan/apply", {})).rejects.toThrow(/409.*PLAN_REFUSED/);
  expect(await gateway.admin("/api/v1/plan")).toEqual(plan);
  writeFileSync(configFile, before);
});
