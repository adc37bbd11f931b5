/**
 * Address of a mailbox of another account: `<entityId>|<mailboxRef>`. The entity id is that of the federation's metadata,
 * the reference is opaque. Mailboxes of our own node have no entity: their handle alone is their address.
 */
export interface RemoteMailbox {
  readonly entityId: string;
  readonly mailbox: string;
}

/** No blank, no `|`: neither is allowed in a URI. */
const ADDRESS = /^([\x21-\x7b\x7d\x7e]{1,1024})\|([\x21-\x7b\x7d\x7e]{1,255})$/;
/** What somebody looks up or pastes: an https entity id, the mark, a reference. */
export const ADDRESS_PATTERN = "https://[^\\s|]{1,1000}\\|[A-Za-z0-9_.~-]{1,255}";

export function remoteAddress({ entityId, mailbox }: RemoteMailbox): string {
  return `${entityId}|${mailbox}`;
}
/** undefined: it is no address of another account. */
export function parseRemoteAddress(address: string): RemoteMailbox | undefined {
  const [, entityId, mailbox] = ADDRESS.exec(address) ?? [];
  return entityId === undefined || mailbox === undefined ? undefined : { entityId, mailbox };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function isUuid(text: string): boolean {
  return UUID.test(text);
}
/** UUIDs count the same in either case (RFC 9562 §4), so do mailboxes named by one. */
export function normaliseMailbox(handle: string): string {
  return isUuid(handle) ? handle.toLowerCase() : handle;
}
