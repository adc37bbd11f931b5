import type { TrustLevel } from "../../../src/model/message.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import {
  attributeOf,
  childElements,
  optionalChild,
  requiredChild,
  textOf,
} from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import type { MetadataProfile } from "./profile.ts";

/** The mailbox node that an entity publishes in its extension (proposal, bundid-fink.md §7.6). */
export interface MailboxNode {
  readonly endpoint: string;
  readonly land?: string;
  /** As published: a key of the profile's `transports`. */
  readonly adapter?: string;
  readonly specVersion?: string;
  readonly partyId?: { readonly type?: string; readonly value: string };
  /** Which of the entity's keys serve the node; empty: all of them. */
  readonly keyUses: readonly ("signing" | "encryption")[];
  readonly maxLevel?: TrustLevel;
  readonly reply?: boolean;
}

const MAX_VALUE = 1024;
const LEVELS: readonly TrustLevel[] = [1, 2, 3, 4];

/** undefined: none is published. Throws INPUT_INVALID for one that cannot be understood, or for two. */
export function readMailbox(
  extensions: XmlElement | undefined,
  { extension: names }: MetadataProfile,
): MailboxNode | undefined {
  const node =
    extensions === undefined
      ? undefined
      : optionalChild(extensions, names.namespace, names.element);
  if (node === undefined) return undefined;
  const attribute = (key: string) => attributeOf(node, key)?.slice(0, MAX_VALUE);
  const [land, adapter, specVersion] = [
    attribute(names.landAttribute),
    attribute(names.adapterAttribute),
    attribute(names.versionAttribute),
  ];
  const [party, level, reply] = [
    readParty(node, names),
    readLevel(optionalChild(node, names.namespace, names.maxLevel)),
    readFlag(optionalChild(node, names.namespace, names.reply)),
  ];
  return {
    endpoint: readEndpoint(textOf(requiredChild(node, names.namespace, names.endpoint)).trim()),
    keyUses: readUses(node, names),
    ...(land === undefined ? {} : { land }),
    ...(adapter === undefined ? {} : { adapter }),
    ...(specVersion === undefined ? {} : { specVersion }),
    ...(party === undefined ? {} : { partyId: party }),
    ...(level === undefined ? {} : { maxLevel: level }),
    ...(reply === undefined ? {} : { reply }),
  };
}

function readEndpoint(text: string): string {
  const url = text.length <= MAX_VALUE && URL.canParse(text) ? new URL(text) : undefined;
  const plain = url?.protocol === "https:" && url.username === "" && url.password === "";
  if (!plain || url.hash !== "")
    throw new GatewayError("INPUT_INVALID", "the endpoint of the mailbox node is no https address");
  return text;
}

function readParty(node: XmlElement, names: MetadataProfile["extension"]): MailboxNode["partyId"] {
  const element = optionalChild(node, names.namespace, names.partyId);
  if (element === undefined) return undefined;
  const value = textOf(element).trim().slice(0, MAX_VALUE);
  const type = attributeOf(element, names.partyTypeAttribute)?.slice(0, MAX_VALUE);
  return { value, ...(type === undefined ? {} : { type }) };
}

function readUses(node: XmlElement, names: MetadataProfile["extension"]): MailboxNode["keyUses"] {
  const uses = childElements(node, names.namespace, names.keyReference).map((reference) =>
    attributeOf(reference, names.keyUseAttribute),
  );
  return [...new Set(uses)].map((use) => {
    if (use === "signing" || use === "encryption") return use;
    throw new GatewayError("INPUT_INVALID", "the mailbox node names an unknown use of a key");
  });
}

function readLevel(element: XmlElement | undefined): TrustLevel | undefined {
  if (element === undefined) return undefined;
  const level = LEVELS.find((it) => String(it) === textOf(element).trim());
  if (level !== undefined) return level;
  throw new GatewayError("INPUT_INVALID", "the trust level of the mailbox node is not 1 to 4");
}

function readFlag(element: XmlElement | undefined): boolean | undefined {
  if (element === undefined) return undefined;
  const text = textOf(element).trim();
  if (["true", "1"].includes(text)) return true;
  if (["false", "0"].includes(text)) return false;
  throw new GatewayError("INPUT_INVALID", "whether the mailbox node takes replies is not said");
}
