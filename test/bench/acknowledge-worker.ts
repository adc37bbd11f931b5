/**
 * Plays the homeserver's push: one transaction after the other on one connection. A thread of its own, so that what it
 * measures does not wait for the simulated homeserver in the main thread.
 */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

export interface PushPlan {
  readonly url: string;
  readonly hsToken: string;
  readonly firstTxn: number;
}

const { url, hsToken, firstTxn } = workerData as PushPlan;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let txn = firstTxn;

/** Milliseconds from the first byte out to the last byte of the answer. */
function push(body: Buffer): Promise<number> {
  const id = txn;
  txn += 1;
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const outgoing = request(
      `${url}/_matrix/app/v1/transactions/${id}`,
      {
        agent,
        method: "PUT",
        headers: {
          authorization: `Bearer ${hsToken}`,
          "content-type": "application/json",
          "content-length": String(body.byteLength),
        },
      },
      (answer) => {
        answer.resume();
        answer.on("error", reject);
        answer.on("end", () => {
          if (answer.statusCode === 200) resolve(performance.now() - start);
          else reject(new Error(`transaction ${id} was answered ${answer.statusCode}`));
        });
      },
    );
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

parentPort?.on("message", (bodies: readonly string[]) => {
  const run = async () => {
    const times: number[] = [];
    for (const body of bodies) times.push(await push(Buffer.from(body)));
    return { times };
  };
  run().then(
    (result) => parentPort?.postMessage(result),
    (error: unknown) => parentPort?.postMessage({ failed: String(error) }),
  );
});
