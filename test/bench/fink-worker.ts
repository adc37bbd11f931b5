/**
 * `fink-worker.ts <letters>`: a process of its own. Prints one line of JSON: letters per second of each transport, with
 * plain POSTs of the same bytes beside it, and medians for the metadata in milliseconds.
 */
import {
  createHash,
  createPublicKey,
  randomUUID,
  sign,
  verify,
  X509Certificate,
} from "node:crypto";
import { once } from "node:events";
import { createServer as createPlain, request as plainRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, request as tlsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { XMLParser } from "fast-xml-parser";
import { renderNachricht } from "../../fixtures/simulators/postkorb/index.ts";
import { envelopeOf, HEADERS } from "../../fixtures/simulators/postkorb/client.ts";
import { NW_PLACE, openAs4Account, TH_PLACE } from "../bridges/fink/as4-world.ts";
import {
  attach,
  letters as lettersOf,
  letterTo,
  MAILBOX,
  makeBridge,
  makeKeys,
  never,
  openServerBench,
  REMOTE_ADDRESS,
  startNode,
} from "../bridges/fink/bench.ts";
import type { Keys } from "../bridges/fink/bench.ts";
import { entityOf, makePeople, read, signed } from "../bridges/fink/federation-support.ts";
import type { People } from "../bridges/fink/federation-support.ts";

export interface FinkReport {
  readonly rates: readonly {
    readonly id: string;
    readonly what: string;
    /** Letters per second. */
    readonly ours: number;
    readonly bare: number;
    readonly bytes: number;
  }[];
  readonly metadata: readonly {
    readonly entities: number;
    /** Milliseconds. */
    readonly ours: number;
    readonly bare: number;
    readonly bytes: number;
  }[];
}

const COUNT = Number(process.argv[2] ?? "100");
const LANES = 4;
const WARM_UP = 20;
const TEXT = "Bitte reichen Sie die Unterlagen nach. ".repeat(50);
const FILE = Buffer.concat([Buffer.from("%PDF-1.7\n"), Buffer.alloc(10_000, 65)]);
const SIZES = [
  { entities: 20, rounds: 31 },
  { entities: 2_000, rounds: 5 },
] as const;

const keys = await makeKeys();
const rates = [await soapOut(keys), await soapIn(keys), await as4Out(keys), await as4In(keys)];
await keys.remove();
const people = await makePeople();
const metadata = [];
for (const { entities, rounds } of SIZES)
  metadata.push(await measureMetadata(people, entities, rounds));
process.stdout.write(`${JSON.stringify({ rates, metadata } satisfies FinkReport)}\n`);
process.exit(0);

/** Per second: several lanes, each one letter after the other, as conversations are. */
async function rateOf(task: (n: number) => Promise<unknown>, count = COUNT): Promise<number> {
  const run = (from: number, many: number) =>
    Promise.all(
      Array.from({ length: LANES }, async (_, lane) => {
        for (let n = lane; n < many; n += LANES) await task(from + n);
      }),
    );
  await run(0, WARM_UP);
  const start = performance.now();
  await run(WARM_UP, count);
  return (count * 1_000) / (performance.now() - start);
}

async function soapOut(all: Keys) {
  const node = await startNode(all);
  const bench = makeBridge(all, { node: node.url });
  const file = await attach(bench, "Bescheid.pdf", "application/pdf", FILE);
  const ours = await rateOf(async () => {
    const letter = letterTo(REMOTE_ADDRESS, { text: TEXT, attachments: [file] });
    await bench.bridge.deliver(letter, letter.id, never);
  });
  expectCount(node.letters.length);
  const body = node.letters[0]?.raw ?? Buffer.alloc(0);
  await bench.stop();
  await node.close();
  const bare = await barePosts(body, all);
  return { id: "soap-out", what: "BspNachricht over SOAP, out", ours, bare, bytes: body.length };
}

async function soapIn(all: Keys) {
  const bench = await openServerBench(all);
  const write = () =>
    renderNachricht({
      ...{ mailbox: MAILBOX, id: randomUUID(), text: TEXT },
      files: [{ name: "a.pdf", type: "application/pdf", bytes: FILE }],
    });
  const ours = await rateOf(async () => {
    const { code } = await bench.authority.sendNative(write());
    if (code !== "0") throw new Error(`answered ${String(code)}`);
  });
  expectCount(lettersOf(bench.state).length);
  await bench.stop();
  const body = Buffer.from(envelopeOf("sendBspNachrichtNative", "bspNachricht", escape(write())));
  const bare = await barePosts(body, all, { fresh: true });
  return { id: "soap-in", what: "BspNachricht over SOAP, in", ours, bare, bytes: body.length };
}
function escape(xml: string): string {
  return xml.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

async function as4Out(all: Keys) {
  const { north, close } = await openPair(all);
  const file = await attach(north, "Bescheid.pdf", "application/pdf", FILE);
  const ours = await rateOf(async (n) => {
    const more = { text: TEXT, attachments: [file], conversation: `fall-${n}` };
    const letter = north.state.add(letterTo(`${TH_PLACE.entityId}|${MAILBOX}`, more));
    await north.bridge.deliver(letter, letter.id, never);
  });
  expectCount(north.accessPoint.exchange.sent.size);
  const body = north.accessPoint.requests.find(({ name }) => name === "submitRequest")?.body;
  await close();
  const bare = await barePosts(body ?? Buffer.alloc(0));
  const what = "AS4 access point, out";
  return { id: "as4-out", what, ours, bare, bytes: body?.length ?? 0 };
}

/** Listed, fetched, accepted, marked: in rounds, as the bridge does it. */
async function as4In(all: Keys) {
  const { north, south, close } = await openPair(all);
  south.state.links.add(MAILBOX);
  const file = await attach(north, "Bescheid.pdf", "application/pdf", FILE);
  for (let n = 0; n < COUNT; n += 1) {
    const more = { text: TEXT, attachments: [file], conversation: `fall-${n}` };
    const letter = north.state.add(letterTo(`${TH_PLACE.entityId}|${MAILBOX}`, more));
    await north.bridge.deliver(letter, letter.id, never);
  }
  const body = north.accessPoint.requests.find(({ name }) => name === "submitRequest")?.body;
  north.accessPoint.exchange.push();
  await south.bridge.start();
  const start = performance.now();
  while (lettersOf(south.state).length < COUNT) await south.tick();
  const ours = (COUNT * 1_000) / (performance.now() - start);
  await close();
  const bare = await barePosts(body ?? Buffer.alloc(0));
  const what = "AS4 access point, in (fetch, accept, mark, Quittung)";
  return { id: "as4-in", what, ours, bare, bytes: body?.length ?? 0 };
}

async function openPair(all: Keys) {
  const north = await openAs4Account(all, NW_PLACE, TH_PLACE);
  const south = await openAs4Account(all, TH_PLACE, NW_PLACE);
  north.accessPoint.exchange.connect(south.accessPoint.exchange);
  const close = async () => {
    await north.close();
    await south.close();
  };
  return { north, south, close };
}

/**
 * The same bytes to a server that only reads them; over TLS with both certificates where keys are given. `fresh`: a
 * connection for every letter, as the simulated authority does it.
 */
async function barePosts(
  body: Buffer,
  tls?: Keys,
  { fresh = false }: { fresh?: boolean } = {},
): Promise<number> {
  const listener = (request: IncomingMessage, response: ServerResponse) =>
    void text(request).then((read) => response.end(String(read.length)));
  const server = tls
    ? createServer({ cert: tls.server.certPem, key: tls.server.keyPem }, listener)
    : createPlain(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const options = {
    host: "127.0.0.1",
    port,
    method: "POST",
    ...(fresh ? { agent: false } : {}),
    headers: { ...HEADERS, "Content-Length": body.length },
  };
  const post = () =>
    new Promise<void>((resolve, reject) => {
      const request = tls
        ? tlsRequest({
            ...options,
            ca: tls.pki.ca.certPem,
            cert: tls.gateway.certPem,
            key: tls.gateway.keyPem,
          })
        : plainRequest(options);
      request.on("response", (answer) => void text(answer).then(() => resolve(), reject));
      request.on("error", reject);
      request.end(body);
    });
  const rate = await rateOf(post);
  server.closeAllConnections();
  server.close();
  return rate;
}

function expectCount(found: number): void {
  if (found !== COUNT + WARM_UP) throw new Error(`${found} letters instead of ${COUNT + WARM_UP}`);
}

async function measureMetadata(all: People, entities: number, rounds: number) {
  const list = Array.from({ length: entities }, (_, n) =>
    entityOf(all, { entityId: `https://idp-${n}.example/saml` }),
  );
  const bytes = Buffer.from(signed(all, list));
  const proof = sign("sha256", bytes, all.office.keyPem);
  const key = createPublicKey(all.office.certPem);
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    ours.push(await timed(async () => expectEntities((await read(all, bytes)).entities.size)));
    bare.push(await timed(() => readBare(bytes, key, proof)));
  }
  function expectEntities(found: number) {
    if (found !== entities) throw new Error(`${found} entities`);
  }
  return { entities, ours: median(ours), bare: median(bare), bytes: bytes.length };
}

/** What any reader must do at least: parse once, hash once, verify one signature, read every certificate. */
function readBare(bytes: Buffer, key: ReturnType<typeof createPublicKey>, proof: Buffer): void {
  createHash("sha256").update(bytes).digest();
  if (!verify("sha256", bytes, key, proof)) throw new Error("not verified");
  const xml = bytes.toString("utf8");
  new XMLParser({ ignoreAttributes: false }).parse(xml);
  for (const [, base64 = ""] of xml.matchAll(/<ds:X509Certificate>([^<]+)</g))
    new X509Certificate(Buffer.from(base64, "base64"));
}

async function timed(task: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await task();
  return performance.now() - start;
}
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
