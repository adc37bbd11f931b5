import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  randomFillSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { createReadStream, createWriteStream, rmSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { compose, identities, take } from "./osci-delivery.ts";

/**
 * `osci-worker.ts <folder> <bytes> <rounds>`: a process of its own, so that its memory is its own. Prints one line of
 * JSON: medians over the rounds in milliseconds, ours and OpenSSL doing only the bulk work (each byte enciphered twice
 * and hashed twice, the same RSA operations, files read and written), the highest resident memory and the longest time
 * that the thread kept the event loop.
 */
const [folder = "", bytes = "", rounds = "1"] = process.argv.slice(2);
const size = Number(bytes);
const PIECE = 256 * 1024;
const TAG = 16;

export interface WorkerReport {
  readonly compose: number;
  readonly take: number;
  readonly bareCompose: number;
  readonly bareTake: number;
  readonly rss: number;
  readonly stall: number;
}

/** Made beforehand: to verify and to unwrap is the work, not to make what is verified. */
const signature = sign("sha256", Buffer.from("x"), signingKey());
const wrapped = publicEncrypt(
  oaep(identities.recipient_enc.certificate.publicKey),
  randomBytes(32),
);
const plain = join(folder, "plain");
const message = join(folder, "message");
const taken = join(folder, "taken");
const bare = join(folder, "bare");
await writeRandom(plain);
const times = { compose: [], take: [], bareCompose: [], bareTake: [] } as Record<string, number[]>;
const watch = watchProcess();
for (let round = 0; round < Number(rounds); round += 1) {
  await timed("compose", () => compose(plain, message));
  await timed("take", () => take(message, taken));
}
const { rss, stall } = watch.end();
for (let round = 0; round < Number(rounds); round += 1) {
  const keys = { one: randomBytes(32), two: randomBytes(32), iv: randomBytes(12) };
  await timed("bareCompose", () => bareCompose(keys));
  await timed("bareTake", () => bareTake(keys));
}
const medians = Object.fromEntries(Object.entries(times).map(([name, all]) => [name, median(all)]));
process.stdout.write(`${JSON.stringify({ ...medians, rss, stall })}\n`);
for (const file of [plain, message, taken, bare]) rmSync(file, { force: true });

interface Keys {
  readonly one: Buffer;
  readonly two: Buffer;
  readonly iv: Buffer;
}

/** As every reader of the message needs it at least: inner and outer cipher, digest of plaintext and ciphertext. */
async function bareCompose({ one, two, iv }: Keys): Promise<void> {
  const inner = createCipheriv("aes-256-gcm", one, iv);
  const outer = createCipheriv("aes-256-gcm", two, iv);
  const digests = [createHash("sha256"), createHash("sha256")] as const;
  const written = async function* () {
    for await (const piece of createReadStream(plain, { highWaterMark: PIECE })) {
      digests[0].update(piece as Buffer);
      const cipherText = inner.update(piece as Buffer);
      digests[1].update(cipherText);
      yield outer.update(cipherText);
    }
    inner.final();
    yield outer.update(inner.getAuthTag());
    outer.final();
    yield outer.getAuthTag();
  };
  await pipeline(Readable.from(written()), createWriteStream(bare));
  for (const digest of digests) sign("sha256", digest.digest(), signingKey());
  for (const key of [one, two])
    publicEncrypt(oaep(identities.recipient_enc.certificate.publicKey), key);
}

async function bareTake({ one, two, iv }: Keys): Promise<void> {
  const outer = createDecipheriv("aes-256-gcm", two, iv);
  const inner = createDecipheriv("aes-256-gcm", one, iv);
  const digests = [createHash("sha256"), createHash("sha256")] as const;
  const carried = (await stat(bare)).size - 2 * TAG;
  const read = async function* () {
    const end = carried - 1;
    for await (const piece of createReadStream(bare, { highWaterMark: PIECE, end })) {
      const cipherText = outer.update(piece as Buffer);
      digests[0].update(cipherText);
      const clear = inner.update(cipherText);
      digests[1].update(clear);
      yield clear;
    }
  };
  await pipeline(Readable.from(read()), createWriteStream(taken));
  const { publicKey } = identities.originator_sig.certificate;
  for (const digest of digests) {
    digest.digest();
    verify("sha256", Buffer.from("x"), publicKey, signature);
  }
  for (let key = 0; key < 2; key += 1)
    privateDecrypt(oaep(identities.recipient_enc.privateKey), wrapped);
}

function signingKey(): KeyObject {
  return createPrivateKey(
    identities.originator_sig.privateKey.export({ type: "pkcs8", format: "pem" }),
  );
}
function oaep(key: KeyObject) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
}

async function timed(name: string, task: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await task();
  times[name]?.push(performance.now() - start);
}

function watchProcess() {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let highest = 0;
  let longest = 0;
  let before = threadMilliseconds();
  // On a busy machine the delay says when we were not let run; the thread's own time says when we did not let go.
  const weigh = setInterval(() => (highest = Math.max(highest, process.memoryUsage.rss())), 20);
  const sample = setInterval(() => {
    const now = threadMilliseconds();
    longest = Math.max(longest, now - before);
    before = now;
  }, 1);
  delay.enable();
  return {
    end() {
      delay.disable();
      clearInterval(weigh);
      clearInterval(sample);
      const rss = Math.max(highest, process.memoryUsage.rss());
      return { rss, stall: Math.min(longest, delay.max / 1e6) };
    },
  };
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function writeRandom(file: string): Promise<void> {
  const handle = await open(file, "w");
  const chunk = Buffer.alloc(Math.min(size, 1_000_000));
  for (let written = 0; written < size; written += chunk.length) {
    randomFillSync(chunk);
    await handle.write(chunk, 0, Math.min(chunk.length, size - written));
  }
  await handle.close();
}
