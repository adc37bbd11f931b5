import { createHash, createHmac } from "node:crypto";
import type { AccessPointParty, As4Context, As4Parts } from "./contract.ts";

/** Ids that are the same at every attempt, and tell nobody anything: HMACs of ours under a key of the account. */
export interface Identity {
  /** The ebMS MessageId of a letter: the same for every attempt, so that both access points see a repetition. */
  messageId(deliveryId: string): string;
  /** Of the acknowledgement we owe for a message. */
  acknowledgementId(messageId: string): string;
  /** The ConversationId of a conversation that begins here. */
  conversationId(conversation: string): string;
}

export function createIdentity(context: Pick<As4Context, "derive">, domain: string): Identity {
  const idFor = (purpose: string) => {
    const key = context.derive(`fink-as4-${purpose}`);
    return (text: string) => {
      const hex = createHmac("sha256", key).update(text).digest("hex").slice(0, 32);
      return `${hex}@${domain}`;
    };
  };
  return {
    messageId: idFor("message"),
    acknowledgementId: idFor("acknowledgement"),
    conversationId: idFor("conversation"),
  };
}

/** Source id of a letter: message ids are unique per sender only as far as we can know. */
export function sourceIdOf(entityId: string, messageId: string): string {
  return `as4:${entityId}#${messageId}`;
}

/** A key of fixed length for texts that may be long. */
export function shortKey(...texts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(texts)).digest("hex").slice(0, 40);
}

/** The party of an entity, or undefined: unknown, or no longer a member of the federation. */
export function partyOf(parts: As4Parts, entityId: string): AccessPointParty | undefined {
  const { settings, profile } = parts;
  if (parts.isExcluded?.(entityId) === true) return undefined;
  const listed = settings.parties.find((party) => party.entityId === entityId);
  const found = listed ?? parts.partyOf?.(entityId);
  if (found === undefined) return undefined;
  return { id: found.id, type: found.type ?? profile.exchange.partyIdType };
}

export function ownParty({ settings, profile }: As4Parts): AccessPointParty {
  return {
    id: settings.party.id,
    type: settings.party.type ?? profile.exchange.partyIdType,
  };
}
