import { createReadStream } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import type { Archive, HistoricLetter } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import { HistoryFault, type HistorySource, type Place, type StoreFile } from "./source.ts";

/** As `ArchiveFile.bytes` promises. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
const MAX_DEPTH = 8;

/** An export as a folder of files that the bridge of the account can read. Links are not followed. Throws NOT_FOUND. */
export async function openFolder(
  folder: string,
  archive: Archive<AccountConfig["settings"]>,
  account: Pick<AccountConfig, "name" | "settings">,
): Promise<HistorySource> {
  const known = await stat(folder).catch(() => undefined);
  if (!known?.isDirectory()) throw new GatewayError("NOT_FOUND", `there is no folder ${folder}`);
  const root = await realpath(folder);
  return {
    name: `archive:${basename(root)}`,
    places: (signal) => filesOf(root, root, archive, signal, 0),
    read: (place, store, signal) => readFile(root, place, { archive, account, store, signal }),
    raw: ({ key }) => Promise.resolve(createReadStream(join(root, key))),
  };
}

/** In the order of their names, so that letters of the same instant always come in the same order. */
async function* filesOf(
  root: string,
  folder: string,
  archive: Pick<Archive<unknown>, "isLetter">,
  signal: AbortSignal,
  depth: number,
): AsyncGenerator<Place> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    signal.throwIfAborted();
    const path = join(folder, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH)
      yield* filesOf(root, path, archive, signal, depth + 1);
    const key = relative(root, path).split(sep).join("/");
    if (!entry.isFile() || !archive.isLetter(key)) continue;
    yield { key, offset: 0, bytes: (await stat(path)).size };
  }
}

interface Reading {
  readonly archive: Archive<AccountConfig["settings"]>;
  readonly account: Pick<AccountConfig, "name" | "settings">;
  readonly store: StoreFile;
  readonly signal: AbortSignal;
}

async function readFile(
  root: string,
  { key, bytes: size }: Place,
  { archive, account, store, signal }: Reading,
): Promise<HistoricLetter> {
  if (size > MAX_FILE_BYTES)
    throw new HistoryFault("INPUT_HOSTILE", `a file of more than ${MAX_FILE_BYTES} bytes`);
  const bytes = Buffer.alloc(size);
  const handle = await open(join(root, key));
  try {
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    if (bytesRead !== size) throw new HistoryFault("INPUT_INVALID", "the file became shorter");
  } finally {
    await handle.close();
  }
  const context = {
    ...{ account: account.name, config: account.settings, now: new Date(), signal },
    store: (_name: string, body: Parameters<StoreFile>[0]) => store(body),
  };
  try {
    return await archive.read({ path: key, bytes }, context);
  } catch (cause) {
    const known = cause instanceof GatewayError && CONTENT_FAULTS.has(cause.code);
    if (!known) throw cause;
    throw new HistoryFault(cause.code, cause.message, { cause });
  }
}

/** Faults of the letter. Everything else is a fault of ours: the run ends, nothing is set aside for it. */
const CONTENT_FAULTS: ReadonlySet<string> = new Set([
  "INPUT_INVALID",
  "INPUT_HOSTILE",
  "LETTER_INVALID",
  "CONTENT_REJECTED",
  "ATTACHMENT_REJECTED",
  "RECIPIENT_UNKNOWN",
]);
