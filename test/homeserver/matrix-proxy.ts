import { once } from "node:events";
import { createServer, request as forward } from "node:http";
import type { AddressInfo } from "node:net";

/** Between the gateway and the homeserver, to see every request. */
export async function startProxy(target: string) {
  const requests: string[] = [];
  const cuts: { path: RegExp; left: number }[] = [];
  const to = new URL(target);
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { method, url, headers } = request;
    const out = forward(
      {
        host: to.hostname,
        port: to.port,
        method,
        path: url,
        headers: { ...headers, host: to.host },
      },
      (answer) => {
        const cut = cuts.find(({ path, left }) => left > 0 && path.test(url ?? ""));
        if (cut) {
          cut.left -= 1;
          answer.resume();
          answer.on("end", () => response.destroy());
          return;
        }
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
        answer.on("error", () => response.destroy());
      },
    );
    out.on("error", () => response.destroy());
    response.on("close", () => out.destroy());
    request.pipe(out);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cut: (path: RegExp, left: number) => void cuts.push({ path, left }),
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
