/** The simulator as a process of its own. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { MatrixClient } from "../../support/matrix-client.ts";
import { registrationFor } from "./homeserver-site.ts";

const main = fileURLToPath(
  new URL("../../../fixtures/simulators/homeserver/main.ts", import.meta.url),
);
let folder: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "homeserver-main-"));
});
afterEach(async () => {
  running?.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

async function launch(...args: string[]): Promise<{ baseUrl: string; child: ChildProcess }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  running = child;
  if (child.stdout === null) throw new Error("no output to read");
  const [line] = (await once(createInterface(child.stdout), "line")) as [string];
  const { baseUrl } = JSON.parse(line) as { baseUrl: string };
  return { baseUrl, child };
}

test("reads a YAML registration, makes users, and goes on from its snapshot", async () => {
  const registration = path.join(folder, "registration.yaml");
  const { id, as_token: asToken, hs_token: hsToken } = registrationFor(null);
  const lines = [
    `id: ${id}`,
    "url: null",
    `as_token: ${asToken}`,
    `hs_token: ${hsToken}`,
    "sender_localpart: _pf_bot",
    "namespaces: { users: [{ regex: '@_pf_.*', exclusive: true }], aliases: [], rooms: [] }",
  ];
  await writeFile(registration, lines.join("\n"));
  const args = ["--registration", registration, "--snapshot", path.join(folder, "world.json")];
  const first = await launch(...args, "--user", "anna:ge:heim");
  const anna = await MatrixClient.login(first.baseUrl, "anna", "ge:heim");
  const room = await anna.createRoom({ name: "Akte" });
  const ended = once(first.child, "exit");
  first.child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);

  const second = await launch(...args);
  const again = await MatrixClient.login(second.baseUrl, "anna", "ge:heim");
  expect(await again.state(room, "m.room.name")).toEqual({ name: "Akte" });
});

test("says what is wrong and how it is used", async () => {
  const child = spawn(process.execPath, [main], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  expect(await once(child, "close")).toEqual([1, null]);
  expect(said).toContain("--registration");
});
