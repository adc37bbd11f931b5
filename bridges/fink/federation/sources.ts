import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { BridgeContext } from "../../../src/bridge/contract.ts";
import { describeError, GatewayError } from "../../../src/model/errors.ts";
import { readBounded } from "./copy.ts";
import { METADATA_LIMITS } from "./metadata.ts";

/** The whole document must be there after so long, milliseconds. */
const PULL_MS = 60_000;

/** Fetches the metadata. Throws REMOTE_UNAVAILABLE, INPUT_HOSTILE (too large), or the signal's reason. */
export async function pullMetadata(
  fetch: BridgeContext<unknown>["fetch"],
  { url, ca }: { readonly url: string; readonly ca: string | undefined },
  signal: AbortSignal,
): Promise<Buffer> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PULL_MS)]);
  try {
    const answer = await fetch(url, {
      headers: { accept: "application/samlmetadata+xml, application/xml, text/xml" },
      signal: limited,
      ...(ca === undefined ? {} : { tls: { ca } }),
    });
    if (answer.status !== 200 || answer.body === null) {
      await answer.body?.cancel();
      throw new GatewayError("REMOTE_UNAVAILABLE", `the metadata server answers ${answer.status}`);
    }
    return await readBounded(answer.body, "the metadata");
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GatewayError) throw error;
    const message = `the metadata cannot be fetched: ${describeError(error)}`;
    throw new GatewayError("REMOTE_UNAVAILABLE", message, { cause: error });
  }
}

/** Reads a pushed file; undefined when it is not there. Throws INPUT_HOSTILE (too large) or INPUT_INVALID. */
export async function readPushed(path: string): Promise<Buffer | undefined> {
  try {
    const facts = await stat(path);
    if (!facts.isFile()) throw new GatewayError("INPUT_INVALID", `${path} is no file`);
    if (facts.size > METADATA_LIMITS.maxBytes)
      throw new GatewayError("INPUT_HOSTILE", `${path} is too large`);
    return await readBounded(createReadStream(path) as AsyncIterable<Uint8Array>, path);
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw new GatewayError("INPUT_INVALID", `${path} cannot be read: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Changes when the file does; undefined: there is none. Cheap: looked at every few seconds. */
export async function markOf(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined);
  return facts && [facts.mtimeMs, facts.size, facts.ino].join(" ");
}
