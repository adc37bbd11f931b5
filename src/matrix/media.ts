import { Readable } from "node:stream";
import { z } from "zod";
import { DeliveryError } from "../model/errors.ts";
import type { BlobRef } from "../model/message.ts";
import type { BlobStore } from "../store/blob-store.ts";
import type { Client } from "./client.ts";
import { asTransferError, readAnswer, refusedWith } from "./homeserver-error.ts";
import { path } from "./http.ts";

/** The homeserver's upload limit is asked for again after this time, milliseconds. */
const LIMIT_VALID_MS = 3_600_000;

export interface MediaSource {
  readonly name: string;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  readonly source: BlobRef | Uint8Array;
}

/** Attachments in both directions, streamed in constant memory. Throws DeliveryError. */
export interface Media {
  /** Streams it up as this user; answers the mxc URI. Permanent ATTACHMENT_REJECTED above the homeserver's limit. */
  upload(file: MediaSource, as: string, signal: AbortSignal): Promise<string>;
  /** `undefined`: it is gone or never was. Throws the blob store's ATTACHMENT_REJECTED past the limit. */
  download(mxc: string, as: string, signal: AbortSignal): Promise<BlobRef | undefined>;
}

export interface MediaDeps {
  readonly client: Client;
  readonly blobs: BlobStore;
  readonly limitBytes: number;
  readonly now: () => Date;
}

const configAnswer = z.object({ "m.upload.size": z.number().nonnegative().optional() });
const uploadAnswer = z.object({ content_uri: z.string().startsWith("mxc://") });

export function createMedia(deps: MediaDeps): Media {
  let known: { bytes: number; until: number } | undefined;

  const uploadLimit = async (as: string, signal: AbortSignal): Promise<number> => {
    const now = deps.now().getTime();
    if (known && now < known.until) return known.bytes;
    const answer = await askLimit(deps.client, as, signal);
    known = { bytes: answer ?? Number.POSITIVE_INFINITY, until: now + LIMIT_VALID_MS };
    return known.bytes;
  };

  return {
    async upload(file, as, signal) {
      const limit = await uploadLimit(as, signal);
      if (file.size > limit) throw tooLarge(file, `the homeserver takes ${limit} bytes`);
      const stream = async () => ({
        body: await openSource(deps.blobs, file.source),
        bytes: file.size,
        mediaType: file.mediaType,
      });
      const request = {
        method: "POST" as const,
        path: "/_matrix/media/v3/upload",
        query: { filename: file.name },
        stream,
        media: true,
      };
      try {
        const answer = await deps.client.call(request, { as, signal });
        return readAnswer(uploadAnswer, answer, "upload").content_uri;
      } catch (error) {
        if (!refusedWith(error, 413)) throw error;
        known = undefined;
        throw tooLarge(file, "the homeserver answered 413", error);
      }
    },
    download: (mxc, as, signal) => download(deps, mxc, as, signal),
  };
}

async function download(
  { client, blobs, limitBytes }: MediaDeps,
  mxc: string,
  as: string,
  signal: AbortSignal,
): Promise<BlobRef | undefined> {
  const place = splitMxc(mxc);
  if (!place) return undefined;
  const to = path`/_matrix/client/v1/media/download/${place.server}/${place.id}`;
  try {
    const body = await client.stream({ method: "GET", path: to, media: true }, { as, signal });
    return await blobs.put(body, limitBytes, signal);
  } catch (error) {
    if (refusedWith(error, 404, 410)) return undefined;
    throw asTransferError("media download", error);
  }
}

async function askLimit(
  client: Client,
  as: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  for (const to of ["/_matrix/client/v1/media/config", "/_matrix/media/v3/config"]) {
    try {
      const answer = await client.call({ method: "GET", path: to }, { as, signal });
      return readAnswer(configAnswer, answer, "media config")["m.upload.size"];
    } catch (error) {
      // A homeserver from before v1.11 knows only the second path.
      if (!refusedWith(error, 404, 405)) throw error;
    }
  }
  return undefined;
}

async function openSource(blobs: BlobStore, source: BlobRef | Uint8Array): Promise<Readable> {
  return source instanceof Uint8Array
    ? Readable.from([source], { objectMode: false })
    : blobs.open(source);
}

function tooLarge(file: MediaSource, why: string, cause?: unknown): DeliveryError {
  return new DeliveryError(
    "permanent",
    "ATTACHMENT_REJECTED",
    `an attachment of ${file.size} bytes is too large: ${why}`,
    cause === undefined ? {} : { cause },
  );
}

/** Server and media id of `mxc://server/id` (Client-Server API, "Matrix Content (mxc://) URIs"); nothing else passes. */
export function splitMxc(mxc: string): { server: string; id: string } | undefined {
  const match = /^mxc:\/\/([A-Za-z0-9.:[\]-]{1,255})\/([A-Za-z0-9_-]{1,255})$/.exec(mxc);
  return match?.[1] && match[2] ? { server: match[1], id: match[2] } : undefined;
}
