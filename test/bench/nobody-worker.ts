/** A server that reads every request to its end and says that it is done: how fast are the senders by themselves? */
import { createServer } from "node:http";
import { createServer as createTls } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

const tls = workerData as { readonly cert: string; readonly key: string } | null;

const answer = (request: IncomingMessage, response: ServerResponse) => {
  request.on("end", () => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end('{"outcome":"stored","id":"nobody"}');
  });
  request.resume();
};
const keepAliveTimeout = 60_000;
const server = tls
  ? createTls({ ...tls, requestCert: true, rejectUnauthorized: false, keepAliveTimeout }, answer)
  : createServer({ keepAliveTimeout }, answer);
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  parentPort?.postMessage(tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`);
});
