import { once } from "node:events";
import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import { createServer as createTcp, type AddressInfo, type Socket } from "node:net";
import { expect } from "vitest";
import {
  createEgress,
  EgressError,
  type Egress,
  type EgressOptions,
} from "../../../src/guard/egress.ts";

const LOOPBACK = ["127.0.0.0/8"];
const closers: (() => unknown)[] = [];

/** Ends every server and egress that the test opened. */
export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

export interface Listening {
  readonly port: number;
  readonly sockets: Set<Socket>;
}
export async function listen(server: Server | ReturnType<typeof createTcp>): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sockets };
}
export const http = (handle: RequestListener) => listen(createHttp(handle));
export const tcp = (handle: (socket: Socket) => void) => listen(createTcp(handle));

export function open(port: number, options: Partial<EgressOptions> = {}): Egress {
  const egress = createEgress({
    allow: [{ host: "127.0.0.1", port, scheme: "http" }],
    privateNetworks: LOOPBACK,
    timeoutMs: 5_000,
    ...options,
  });
  closers.push(() => egress.close());
  return egress;
}

export async function failure(work: Promise<unknown>): Promise<EgressError> {
  const error: unknown = await work.then(
    () => expect.fail("must fail"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EgressError);
  return error as EgressError;
}
