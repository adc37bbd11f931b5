import { X509Certificate } from "node:crypto";
import { GatewayError } from "../../../src/model/errors.ts";
import { attributeOf, childElements, optionalChild, textOf } from "../../../src/guard/xml.ts";
import type { XmlElement } from "../../../src/guard/xml.ts";
import { fingerprintOf } from "./certificates.ts";
import { readMailbox, type MailboxNode } from "./mailbox-node.ts";
import type { MetadataProfile } from "./profile.ts";

export const MD = "urn:oasis:names:tc:SAML:2.0:metadata";
const DS = "http://www.w3.org/2000/09/xmldsig#";
/** Of one entity; real ones have a handful. */
const MAX_KEYS = 32;
const MAX_SERVICES = 32;
const MAX_CONTACTS = 32;
const MAX_CERTIFICATE_CHARACTERS = 16 * 1024;
const MAX_TEXT = 1024;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

export interface EntityKey {
  /** A KeyDescriptor without `use` serves both (bundid-fink.md §2.3). */
  readonly use: "signing" | "encryption" | "both";
  readonly certificate: X509Certificate;
  readonly fingerprint: string;
}
export interface Entity {
  readonly entityId: string;
  /** The earliest of its own and of the groups it stands in, that of the whole list apart. */
  readonly validUntil: Date | undefined;
  readonly names: { readonly name?: string; readonly displayName?: string; readonly url?: string };
  readonly keys: readonly EntityKey[];
  readonly singleSignOn: readonly { readonly binding: string; readonly location: string }[];
  readonly contacts: readonly { readonly type: string; readonly addresses: readonly string[] }[];
  readonly mailbox: MailboxNode | undefined;
  /** Why nothing can be sent there although it is listed; one broken entity must not silence the others. */
  readonly faults: readonly string[];
}

/** Throws INPUT_INVALID only when the entity has no usable id: everything else is a fault of this one entity. */
export function readEntity(
  element: XmlElement,
  outerUntil: Date | undefined,
  profile: MetadataProfile,
): Entity {
  const entityId = attributeOf(element, "entityID");
  if (entityId === undefined || entityId === "" || entityId.length > MAX_TEXT)
    throw new GatewayError("INPUT_INVALID", "an entity has no usable entityID");
  const faults: string[] = [];
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      faults.push(error.message);
      return otherwise;
    }
  };
  const roles = childElements(element).filter(
    ({ uri, local }) => uri === MD && local.endsWith("Descriptor"),
  );
  return {
    entityId,
    // What cannot be read counts as over: never longer than it was meant.
    validUntil: attempt(() => earliest(validUntilOf(element), outerUntil), new Date(0)),
    names: attempt(() => readNames(element), {}),
    keys: attempt(() => readKeys(roles), []),
    singleSignOn: attempt(() => readServices(roles), []),
    contacts: attempt(() => readContacts(element), []),
    mailbox: attempt(
      () => readMailbox(optionalChild(element, MD, "Extensions"), profile),
      undefined,
    ),
    faults,
  };
}

/** Throws INPUT_INVALID for an attribute that is no point in time. */
export function validUntilOf(element: XmlElement): Date | undefined {
  const text = attributeOf(element, "validUntil");
  if (text === undefined) return undefined;
  const date = new Date(text);
  if (!INSTANT.test(text) || Number.isNaN(date.getTime()))
    throw new GatewayError("INPUT_INVALID", "validUntil is no point in time with its zone");
  return date;
}

export function earliest(one: Date | undefined, other: Date | undefined): Date | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one < other ? one : other;
}

/** German before any other language. */
function readNames(element: XmlElement): Entity["names"] {
  const organization = optionalChild(element, MD, "Organization");
  if (organization === undefined) return {};
  const pick = (local: string): string | undefined => {
    const found = childElements(organization, MD, local);
    const german = found.find(({ attributes }) =>
      attributes.some((it) => it.name === "xml:lang" && it.value === "de"),
    );
    const chosen = german ?? found[0];
    return chosen && textOf(chosen).trim().slice(0, MAX_TEXT);
  };
  const [name, displayName, url] = [
    pick("OrganizationName"),
    pick("OrganizationDisplayName"),
    pick("OrganizationURL"),
  ];
  return {
    ...(name === undefined ? {} : { name }),
    ...(displayName === undefined ? {} : { displayName }),
    ...(url === undefined ? {} : { url }),
  };
}

function readKeys(roles: readonly XmlElement[]): readonly EntityKey[] {
  const keys = new Map<string, EntityKey>();
  for (const descriptor of roles.flatMap((role) => childElements(role, MD, "KeyDescriptor"))) {
    const use = useOf(descriptor);
    for (const certificate of certificatesIn(descriptor)) {
      const fingerprint = fingerprintOf(certificate);
      keys.set(`${use} ${fingerprint}`, { use, certificate, fingerprint });
      if (keys.size > MAX_KEYS) throw new GatewayError("INPUT_HOSTILE", "too many keys");
    }
  }
  return [...keys.values()];
}

function useOf(descriptor: XmlElement): EntityKey["use"] {
  const use = attributeOf(descriptor, "use") ?? "both";
  if (use !== "both" && use !== "signing" && use !== "encryption")
    throw new GatewayError("INPUT_INVALID", "a key has an unknown use");
  return use;
}

function certificatesIn(descriptor: XmlElement): readonly X509Certificate[] {
  const info = optionalChild(descriptor, DS, "KeyInfo");
  const data = info === undefined ? [] : childElements(info, DS, "X509Data");
  return data
    .flatMap((it) => childElements(it, DS, "X509Certificate"))
    .map((element) => readCertificate(textOf(element)));
}

function readCertificate(text: string): X509Certificate {
  if (text.length > MAX_CERTIFICATE_CHARACTERS)
    throw new GatewayError("INPUT_HOSTILE", "a certificate is too long");
  const plain = text.replaceAll(/[ \t\r\n]+/g, "");
  try {
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(plain))
      return new X509Certificate(Buffer.from(plain, "base64"));
  } catch (cause) {
    throw new GatewayError("INPUT_INVALID", "a certificate cannot be read", { cause });
  }
  throw new GatewayError("INPUT_INVALID", "a certificate is not base64");
}

function readServices(roles: readonly XmlElement[]): Entity["singleSignOn"] {
  return roles
    .flatMap((role) => childElements(role, MD, "SingleSignOnService"))
    .slice(0, MAX_SERVICES)
    .map((service) => ({
      binding: (attributeOf(service, "Binding") ?? "").slice(0, MAX_TEXT),
      location: (attributeOf(service, "Location") ?? "").slice(0, MAX_TEXT),
    }));
}

function readContacts(element: XmlElement): Entity["contacts"] {
  return childElements(element, MD, "ContactPerson")
    .slice(0, MAX_CONTACTS)
    .map((contact) => ({
      type: (attributeOf(contact, "contactType") ?? "").slice(0, 40),
      addresses: childElements(contact, MD, "EmailAddress")
        .slice(0, MAX_CONTACTS)
        .map((address) =>
          textOf(address)
            .trim()
            .replace(/^mailto:/, "")
            .slice(0, 320),
        ),
    }));
}
