import { Readable } from "node:stream";
import type { Archive, ArchiveContext, HistoricLetter } from "../../src/bridge/contract.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { Attachment } from "../../src/model/message.ts";
import { messageOf } from "./bsp/codec.ts";
import { checkFiles } from "./bsp/file-rules.ts";
import { sourceIdOf } from "./bsp/intake.ts";
import { LetterFault } from "./bsp/letter-fault.ts";
import { checkLetter } from "./bsp/letter-rules.ts";
import { profileFor } from "./bsp/profile.ts";
import { readLetter } from "./bsp/read-letter.ts";
import type { Settings } from "./settings.ts";

/**
 * Exports of a mailbox node: `<sender>/…/<file>.xml`, each file one BspNachricht, the first folder named as the sender in
 * `server.senders`. A BspNachricht does not prove who delivered it (bundid-fink.md §1.7): that name makes the source id
 * and the case, and must be the one that live traffic has.
 */
export const archive: Archive<Settings> = {
  isLetter: (path) => path.toLowerCase().endsWith(".xml"),
  async read({ path, bytes }, context) {
    try {
      return await readNachricht(path, bytes, context);
    } catch (cause) {
      if (!(cause instanceof LetterFault)) throw cause;
      throw new GatewayError(cause.code, cause.message, { cause });
    }
  },
};

async function readNachricht(
  path: string,
  bytes: Buffer,
  { config, signal, store }: ArchiveContext<Settings>,
): Promise<HistoricLetter> {
  signal.throwIfAborted();
  const peer = senderOf(path, config);
  const profile = profileFor(config.profile);
  const letter = await readLetter(bytes, profile, signal);
  checkLetter(letter, profile);
  const files = checkFiles(letter.files, profile);
  const sourceId = sourceIdOf(letter, peer.name, files);
  const attachments: Attachment[] = [];
  for (const { name, mediaType, read } of files) {
    const blob = await store("attachment", Readable.from(read(), { objectMode: false }));
    attachments.push({ name, mediaType, blob });
  }
  const original = await store("original", Readable.from([bytes]));
  // When it came, the file does not say: the same export is the same letter, whenever it is read.
  const receivedAt = letter.createdAt;
  const arrival = { sourceId, peer, receivedAt, files: attachments, original };
  const message = messageOf(letter, arrival, profile);
  return { message, direction: "received", mailbox: message.to[0]?.address ?? "" };
}

function senderOf(path: string, { server }: Settings) {
  const [folder] = path.split("/");
  const peer = server?.senders.find(({ name }) => name === folder);
  if (peer) return peer;
  const detail = `${folder ?? ""} is no sender of \`server.senders\`; put its letters into a folder of its name`;
  throw new GatewayError("INPUT_INVALID", detail);
}
