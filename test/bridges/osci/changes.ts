/** Messages to change by hand, and how a client would judge them. */
import path from "node:path";
import { openPackage } from "../../../bridges/osci/wire/content-open.ts";
import { acceptResponse, explicitDialog, nextRequest } from "../../../bridges/osci/wire/dialog.ts";
import { readMessage } from "../../../bridges/osci/wire/message-read.ts";
import { takeAttachments } from "../../../bridges/osci/wire/receive.ts";
import { drain, sourceOf } from "../../../bridges/osci/wire/stream.ts";
import { NO_LEGACY } from "../../../bridges/osci/wire/algorithms.ts";
import { change, putTogether, takeApart, type Pieces } from "./forge.ts";
import { fixture, FIXTURES, identity, loadKeys, readAll, receive, verdict } from "./support.ts";

export const keys = loadKeys(path.join(FIXTURES, "keys"));
export const manager = identity(keys, "manager_sig");
export const originator = identity(keys, "originator_sig");
export const recipient = identity(keys, "recipient_sig");

export const unsignedInit = fixture("plain-unsigned", "03-ResponseToInitDialog.outer.mime");
export const signedInit = fixture("default", "03-ResponseToInitDialog.inner.mime");
export const signedStore = fixture("default", "02-StoreDelivery.inner.mime");
export const unsignedStore = fixture("plain-unsigned", "02-StoreDelivery.outer.mime");
export const encryptedInit = fixture("default", "03-ResponseToInitDialog.outer.mime");

export type Change = (pieces: Pieces) => Pieces | Promise<Pieces>;

/** Reads a changed message through to the end, as a client that answers an InitDialog would. */
export async function judge(message: Buffer, required = false): Promise<string> {
  return verdict(async () => {
    const { type, control } = await readAll(message, keys, { required });
    if (type !== "ResponseToInitDialog") return;
    const challenge = Buffer.from("challenge0").toString("base64");
    acceptResponse(nextRequest(explicitDialog(), "InitDialog", challenge), type, control);
  });
}

export async function changed(message: Buffer, edit: Change): Promise<Buffer> {
  return putTogether(await edit(await takeApart(message)));
}

export const edit =
  (from: string | RegExp, to: string): Change =>
  (pieces) =>
    change(pieces, from, to);
export const prefixes: Change = (pieces) =>
  change(
    change(pieces, /(<\/?|xmlns:)osci\b/g, (_match, before = "") => `${before}o`),
    /(<\/?|xmlns:| )soap(?=:[a-zA-Z]+[ >=]|=)/g,
    (_match, before = "") => `${before}s`,
  );
export const foreign = `<f:block xmlns:f="urn:foreign" Id="foreign">x</f:block>`;
export const certificates = /<osci:IntermediaryCertificates.*<\/osci:IntermediaryCertificates>/s;

export function moved(pattern: RegExp, before: string): Change {
  return (pieces) => {
    const [block = ""] = pattern.exec(pieces.xml) ?? [];
    return change(change(pieces, block, ""), before, `${block}${before}`);
  };
}

export async function takeAll(bytes: Buffer): Promise<void> {
  const received = await receive(bytes, keys);
  if (received.kind === "fault") throw new Error("a fault");
  const { content, certificates } = readMessage(received.envelope);
  const transport = { ring: keys.ring, legacy: NO_LEGACY };
  const contents = await openPackage(content, { ...transport, certificates });
  const { attachments } = received;
  await takeAttachments(
    sourceOf(bytes),
    { transport, attachments, contents, digestMethods: [] },
    (_attachment, body) => drain(body),
  );
}
