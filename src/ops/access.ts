import { createHash, timingSafeEqual } from "node:crypto";
import type { CoreConfig } from "../config/schema.ts";

/** viewer reads, operator resends and releases, admin links. Each may do what the ones before may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Who asks, as named in the configuration; appears in the audit log. */
export interface Caller {
  readonly name: string;
  readonly role: Role;
}

export function mayActAs(caller: Caller, needed: Role): boolean {
  return ROLES.indexOf(caller.role) >= ROLES.indexOf(needed);
}

/** Finds the owner of a bearer token; compares digests in constant time and always walks the whole list. */
export function createAccess(
  tokens: CoreConfig["admin"]["tokens"],
): (authorization: string | undefined) => Caller | undefined {
  const known = tokens.map(({ name, role, token }) => ({
    caller: { name, role },
    digest: digest(token.reveal()),
  }));
  return (authorization) => {
    const given = digest(/^Bearer (\S+)$/.exec(authorization ?? "")?.[1] ?? "");
    let found: Caller | undefined;
    for (const { caller, digest: expected } of known)
      if (timingSafeEqual(given, expected)) found = caller;
    return found;
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
