import { createHash } from "node:crypto";
import { lookup as resolveName } from "node:dns";
import { isIP, type LookupFunction, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { Agent, buildConnector } from "undici";
import type { ClientTls } from "../bridge/contract.ts";
import { createAddressRule, type AddressRule } from "./addresses.ts";
import { TLS_OPTIONS } from "./crypto.ts";
import { EgressError } from "./egress-error.ts";

/** The connections of one egress: where they may go is decided after the name was looked up, for every new one. */
export interface Connections {
  agentFor(tls: ClientTls): Agent;
  close(): Promise<void>;
}
export interface ConnectionOptions {
  readonly privateNetworks: readonly string[];
  readonly timeoutMs: number;
}

const MAX_ANSWER_HEADER_BYTES = 32_768;
const CONNECT_TIMEOUT_MS = 10_000;
const CONNECTIONS_PER_ORIGIN = 32;
/** Idle connections end early: one that the other side closes just now would make an outcome unknown. */
const IDLE_CONNECTION_MS = 1_000;
/** Different client certificates in use at the same time. */
const MAX_AGENTS = 16;
/**
 * In TLS 1.3 the server judges our certificate after our side is done. The first byte of a letter waits for its session
 * ticket, or this long, so that a refused certificate stays "not sent" instead of an unknown outcome.
 */
const CERTIFICATE_VERDICT_MS = 250;
/** Connections are kept apart by client certificate; the least recently used set of them ends first. */
export function createConnections(options: ConnectionOptions): Connections {
  const mayConnect = createAddressRule(options.privateNetworks);
  const agents = new Map<string, Agent>();
  const agentFor = (tls: ClientTls): Agent => {
    const id = digestOfTls(tls);
    const agent = agents.get(id) ?? createAgent(options.timeoutMs, tls, mayConnect);
    agents.delete(id);
    agents.set(id, agent);
    for (const [oldId, old] of agents) {
      if (agents.size <= MAX_AGENTS) break;
      agents.delete(oldId);
      void old.close();
    }
    return agent;
  };
  const close = async () => {
    const running = [...agents.values()];
    agents.clear();
    await Promise.all(running.map((agent) => agent.destroy()));
  };
  return { agentFor, close };
}

function digestOfTls(tls: ClientTls): string {
  const parts = [tls.cert, tls.key, tls.passphrase, tls.ca];
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

function createAgent(timeoutMs: number, tls: ClientTls, mayConnect: AddressRule): Agent {
  const connect = buildConnector({
    ...TLS_OPTIONS,
    ...tls,
    // A certificate that is named as trusted is trusted as it is, also when it is no root (one node's own certificate).
    ...(tls.ca === undefined ? {} : { allowPartialTrustChain: true }),
    allowH2: false,
    timeout: CONNECT_TIMEOUT_MS,
    lookup: guardedLookup(mayConnect),
  });
  return new Agent({
    connect(target, callback) {
      // A literal address needs no look-up, so the look-up cannot refuse it.
      if (isIP(target.hostname) !== 0 && !mayConnect(target.hostname))
        return callback(refusedAddress(target.hostname), null);
      connect(target, (error, socket) => {
        if (error) callback(error, null);
        else if (tls.cert === undefined) callback(null, socket);
        else awaitVerdict(socket, callback);
      });
    },
    allowH2: false,
    pipelining: 1,
    connections: CONNECTIONS_PER_ORIGIN,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    keepAliveTimeout: IDLE_CONNECTION_MS,
    keepAliveMaxTimeout: IDLE_CONNECTION_MS,
    maxHeaderSize: MAX_ANSWER_HEADER_BYTES,
  });
}

/** Looks a name up once and lets the connection see only addresses that it may go to: no second look-up, no rebinding. */
function guardedLookup(mayConnect: AddressRule): LookupFunction {
  return (hostname, options, callback) => {
    resolveName(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, "", 0);
      const usable = found.filter(({ address }) => mayConnect(address));
      const [first] = usable;
      if (!first) return callback(refusedAddress(hostname), "", 0);
      if (options.all === true) callback(null, usable);
      else callback(null, first.address, first.family);
    });
  };
}

function refusedAddress(host: string): EgressError {
  const message = `${host} leads to an address that is not public and in no private network of this account`;
  return new EgressError("refused", message);
}

function awaitVerdict(socket: Socket, callback: buildConnector.Callback): void {
  const judged =
    !(socket instanceof TLSSocket) ||
    socket.getProtocol() !== "TLSv1.3" ||
    socket.isSessionReused();
  if (judged) return callback(null, socket);
  let done = false;
  const settle = (error?: Error) => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    socket.off("session", onTicket).off("error", settle).off("close", onClose);
    if (error) callback(error, null);
    else callback(null, socket);
  };
  // Not at once: the event comes from within OpenSSL's read, where a write would be lost.
  const onTicket = () => void setImmediate(settle);
  const onClose = () =>
    settle(new Error("the other side ended the connection after the handshake"));
  const timer = setTimeout(onTicket, CERTIFICATE_VERDICT_MS);
  socket.once("session", onTicket).once("error", settle).once("close", onClose);
}
