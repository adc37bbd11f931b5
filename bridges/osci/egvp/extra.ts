import { z } from "zod";
import type { Message } from "../../../src/model/message.ts";
import type { XjustizParty } from "./xjustiz.ts";

/** What travels in `Message.extra` of a letter that came by EGVP, so that its answer can be written. Strings. */
export const EXTRA = {
  messageId: "egvp.messageId",
  kind: "egvp.kind",
  /** File number of the sender, and ours as the sender knows it. */
  theirs: "egvp.theirs",
  ours: "egvp.ours",
  /** SHA-256 of the mailbox certificate that the letter came from. */
  originator: "egvp.originator",
  /** Kind of VHN, only when it was proved. */
  vhn: "egvp.vhn",
  product: "egvp.product",
  requestSignature: "egvp.requestSignatureMandatory",
  version: "egvp.xjustiz.version",
  xjustizId: "egvp.xjustiz.id",
  sender: "egvp.xjustiz.sender",
  addressee: "egvp.xjustiz.addressee",
} as const;

const party = z.object({
  // Becomes part of an element name.
  kind: z.string().regex(/^[A-Za-z][A-Za-z0-9]{0,40}$/),
  code: z.string().optional(),
  listVersion: z.string().optional(),
  name: z.string().optional(),
});

export type Carried = Pick<Message, "extra"> | undefined;

export function carried(letter: Carried, key: keyof typeof EXTRA): string | undefined {
  return letter?.extra?.[EXTRA[key]];
}

/** Undefined when there is none or when it is not ours. */
export function carriedParty(
  letter: Carried,
  key: "sender" | "addressee",
): XjustizParty | undefined {
  const text = carried(letter, key);
  if (text === undefined) return undefined;
  try {
    const { kind, code, listVersion, name } = party.parse(JSON.parse(text));
    return {
      kind,
      ...(code === undefined ? {} : { code }),
      ...(listVersion === undefined ? {} : { listVersion }),
      ...(name === undefined ? {} : { name }),
    };
  } catch {
    return undefined;
  }
}
