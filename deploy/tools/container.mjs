/** Whether a container engine answers here; asked quickly, because most machines have none. */
import http from "node:http";

const limitMs = 1_500;
const defaultSocket = "/var/run/docker.sock";

export function containerEngine(env = process.env) {
  const address = env.DOCKER_HOST ?? `unix://${defaultSocket}`;
  const target = parseAddress(address);
  if (target === undefined) return Promise.resolve({ reason: `cannot ask ${address}` });
  return new Promise((resolve) => {
    const fail = (why) => resolve({ reason: `no container engine at ${address}: ${why}` });
    const options = { ...target, path: "/_ping", signal: AbortSignal.timeout(limitMs) };
    const request = http.get(options, (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve({ address });
      else fail(`answered ${String(answer.statusCode)}`);
    });
    request.once("error", (error) => fail(error.code ?? error.message));
  });
}

/** unix:///path, tcp://host:port or http://host:port; `undefined` for what we cannot ask (ssh, TLS). */
export function parseAddress(address) {
  if (address.startsWith("unix://")) return { socketPath: address.slice("unix://".length) };
  const plain = /^(?:tcp|http):\/\/([^/:]+)(?::(\d+))?\/?$/.exec(address);
  return plain === null ? undefined : { host: plain[1], port: Number(plain[2] ?? 2375) };
}
