import { createReadStream } from "node:fs";
import { lstat, open, readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, sep } from "node:path";
import type { Archive, HistoricLetter, Records } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import {
  CONTENT_FAULTS,
  HistoryFault,
  nameOfPlace,
  NO_RECORDS,
  overlayOf,
  type HistorySource,
  type Place,
  type StoreFile,
} from "./source.ts";

/** As `ArchiveFile.bytes` promises. */
const MAX_FILE_BYTES = 256 * 2 ** 20;
/** As `ArchiveContext.beside` promises. */
const MAX_BESIDE_BYTES = 4 * 2 ** 20;
const MAX_DEPTH = 8;

/** An export as a folder of files that the bridge of the account can read. Links are not followed. Throws NOT_FOUND. */
export async function openFolder(
  folder: string,
  archive: Archive<AccountConfig["settings"]>,
  account: Pick<AccountConfig, "name" | "settings">,
  records: Records = NO_RECORDS,
): Promise<HistorySource> {
  const known = await stat(folder).catch(() => undefined);
  if (!known?.isDirectory()) throw new GatewayError("NOT_FOUND", `there is no folder ${folder}`);
  const root = await realpath(folder);
  const looking = overlayOf(records);
  return {
    name: nameOfPlace("archive", basename(root), root),
    places: (signal) => filesOf(root, root, archive, signal, 0),
    read: (place, store, signal, purpose = "move") => {
      const own = purpose === "look" ? looking : records;
      return readFile(root, place, { archive, account, store, signal, records: own });
    },
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
  readonly records: Records;
}

async function readFile(
  root: string,
  { key, bytes: size }: Place,
  { archive, account, store, signal, records }: Reading,
): Promise<HistoricLetter> {
  if (size > MAX_FILE_BYTES)
    throw new HistoryFault("INPUT_HOSTILE", `a file of more than ${MAX_FILE_BYTES} bytes`);
  const bytes = await readWhole(join(root, key), size);
  const context = {
    ...{ account: account.name, config: account.settings, now: new Date(), signal },
    records,
    store: (_name: string, body: Parameters<StoreFile>[0]) => store(body),
    beside: (name: string) => readBeside(dirname(join(root, key)), name),
  };
  try {
    return await archive.read({ path: key, bytes }, context);
  } catch (cause) {
    const known = cause instanceof GatewayError && CONTENT_FAULTS.has(cause.code);
    if (!known) throw cause;
    throw new HistoryFault(cause.code, cause.message, { cause });
  }
}

async function readWhole(path: string, size: number): Promise<Buffer> {
  const bytes = Buffer.alloc(size);
  const handle = await open(path);
  try {
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    if (bytesRead !== size) throw new HistoryFault("INPUT_INVALID", "the file became shorter");
    return bytes;
  } finally {
    await handle.close();
  }
}

/** `name` is the bridge's, never the export's. A link is not followed. */
async function readBeside(folder: string, name: string): Promise<Buffer | undefined> {
  const path = join(folder, name);
  const known = await lstat(path).catch(() => undefined);
  if (known === undefined || !known.isFile()) return undefined;
  if (known.size > MAX_BESIDE_BYTES)
    throw new GatewayError("INPUT_HOSTILE", `${name} has more than ${MAX_BESIDE_BYTES} bytes`);
  return readWhole(path, known.size);
}
