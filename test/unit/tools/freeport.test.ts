import { createServer } from "node:net";
import { expect, test } from "vitest";
import { findFreePort } from "../../../deploy/tools/freeport.mjs";

test("every port is another one, though nobody listens there yet", async () => {
  const ports: number[] = [];
  for (let n = 0; n < 3_000; n += 1) ports.push(await findFreePort());
  expect(new Set(ports).size).toBe(ports.length);
});

test("and somebody can listen there", async () => {
  const port = await findFreePort();
  const server = createServer().listen(port, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  await new Promise((resolve) => server.close(resolve));
});
