import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { BridgeContext, KnownMessage } from "../../src/bridge/contract.ts";
import { openMailListener } from "../../src/guard/mail.ts";
import type { MailListener, ReceivedMail } from "../../src/guard/mail.ts";
import { readMailText } from "../../src/guard/mail-text.ts";
import type { MailText } from "../../src/guard/mail-text.ts";
import { describeError, noticeFor } from "../../src/model/errors.ts";
import type { BlobRef } from "../../src/model/message.ts";
import { seenKey } from "./find.ts";
import type { Profile } from "./profile.ts";
import type { Routing } from "./routing.ts";
import type { ReceiptsSettings, Settings } from "./settings.ts";

/** A clock may be this much ahead of ours. */
const SKEW_MS = 300_000;
export const MAIL_SOURCE = "mail:";

type Context = Pick<
  BridgeContext<Settings>,
  "store" | "open" | "report" | "recall" | "quarantine" | "records" | "log" | "account"
>;

/** Confirmation mails: only the tag in the address is trusted; what else they say decides between two kinds. */
export interface ReceiptMails {
  listen(settings: ReceiptsSettings): Promise<MailListener>;
  /** Takes one mail in; resolves when it is kept. */
  receive(mail: ReceivedMail): Promise<void>;
  /** Tries a mail from quarantine again. false: it still says nothing. */
  readmit(bytes: Buffer, original: BlobRef): Promise<boolean>;
}

export function createReceiptMails(
  context: Context,
  profile: Profile,
  routing: Routing,
): ReceiptMails {
  const receive = async (mail: ReceivedMail) => {
    const evidence = await context.store("mail", Readable.from([mail.bytes]));
    for (const address of mail.to) {
      const problem = await takeNotice(context, profile, routing, address, mail.bytes, evidence);
      if (problem !== undefined) await quarantine(context, mail.bytes, evidence, problem);
    }
  };
  return {
    receive,
    listen: (settings) =>
      openMailListener({
        ...settings.listen,
        domain: settings.domain,
        ...(settings.tls === undefined ? {} : { tls: tlsOf(settings.tls) }),
        knows: (local) => local.toLowerCase().startsWith(profile.mail.prefix),
        receive,
        onError: (error) =>
          context.log.error(
            { account: context.account, error: describeError(error) },
            "mail-fault",
          ),
      }),
    async readmit(bytes, original) {
      const to = /^(?:delivered-to|x-original-to|to):.*?([^\s<>,"]+@[^\s<>,"]+)/im.exec(
        bytes.subarray(0, 65_536).toString("latin1"),
      )?.[1];
      const problem = await takeNotice(context, profile, routing, to ?? "", bytes, original);
      return problem === undefined;
    },
  };
}

export function tlsOf(tls: NonNullable<ReceiptsSettings["tls"]>) {
  const passphrase = tls.keyPassphrase?.reveal();
  return {
    cert: tls.certificate.text,
    key: tls.key.reveal(),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}

interface Problem {
  readonly code: "ROUTING_INVALID" | "INPUT_INVALID";
  readonly detail: string;
}

/** Reports what the mail says about its letter; or says why it cannot. */
async function takeNotice(
  context: Context,
  profile: Profile,
  routing: Routing,
  address: string,
  bytes: Buffer,
  evidence: BlobRef,
): Promise<Problem | undefined> {
  const id = routing.readLocalPart(address.slice(0, address.lastIndexOf("@")));
  if (id === undefined)
    return { code: "ROUTING_INVALID", detail: "the confirmation address is not one of ours" };
  const known = await context.recall(id);
  if (known?.origin !== "matrix")
    return { code: "ROUTING_INVALID", detail: "the confirmation is about no letter we sent" };
  const mail = readMailText(bytes);
  const kind = kindOf(mail, profile);
  if (kind === undefined)
    return { code: "INPUT_INVALID", detail: "the mail says neither opened nor deleted" };
  const at = timeOf(mail, known);
  const notice = kind === "recipient-gone" ? { notice: noticeFor("RECIPIENT_GONE") } : {};
  await context.report({ target: { id }, kind, at, evidence, ...notice });
  if (known.state === "unknown") await context.records.put(seenKey(id), at.toISOString());
  context.log.info({ account: context.account, id, kind }, "confirmation-mail");
  return undefined;
}

function kindOf(
  mail: MailText,
  { mail: words }: Profile,
): "retrieved" | "recipient-gone" | undefined {
  for (const place of [mail.subject, mail.text]) {
    const text = place.toLowerCase();
    const says = (list: readonly string[]) =>
      list.some((word) => text.includes(word.toLowerCase()));
    const [retrieved, gone] = [says(words.retrieved), says(words.gone)];
    if (retrieved && gone) return undefined;
    if (retrieved) return "retrieved";
    if (gone) return "recipient-gone";
  }
  return undefined;
}

function timeOf({ date }: MailText, { acceptedAt }: KnownMessage): Date {
  const now = Date.now();
  const time = date?.getTime() ?? Number.NaN;
  return time >= acceptedAt.getTime() - SKEW_MS && time <= now + SKEW_MS
    ? new Date(time)
    : new Date(now);
}

async function quarantine(
  context: Context,
  bytes: Buffer,
  original: BlobRef,
  problem: Problem,
): Promise<void> {
  const digest = createHash("sha256").update(bytes).digest("hex");
  await context.quarantine({ sourceId: MAIL_SOURCE + digest, original, ...problem });
}
