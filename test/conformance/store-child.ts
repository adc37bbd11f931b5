import { writeSync } from "node:fs";
import { letter, type StoreAddress, storeAt, T0 } from "../support/stores.ts";

/** A node in a process of its own. `open`: starts and ends. `accept`: takes letters in until it is killed. */
const [mode = "", address = "{}", runners = "8"] = process.argv.slice(2);
const store = storeAt(JSON.parse(address) as StoreAddress);
await store.open();
if (mode === "accept") await Promise.all(Array.from({ length: Number(runners) }, acceptForEver));
await store.close();

/** Says the source id of a letter on standard output only after the store has acknowledged it. */
async function acceptForEver(_: unknown, runner: number): Promise<void> {
  for (let n = 0; ; n += 1) {
    const sourceId = `${String(process.pid)}-${String(runner)}-${String(n)}`;
    await store.accept([letter({ sourceId, conversationId: `c${String(runner)}` })], T0);
    writeSync(1, `${sourceId}\n`);
  }
}
