import type { AppserviceConfig, HomeserverConfig } from "../config/schema.ts";
import { senderLocalpart } from "./names.ts";

interface Namespace {
  readonly regex: string;
  readonly exclusive: boolean;
}

/** The registration file, key by key as homeservers read it (Application Service API v1.17, "Registration"). */
export interface Registration {
  readonly id: string;
  readonly url: string;
  readonly as_token: string;
  readonly hs_token: string;
  readonly sender_localpart: string;
  readonly rate_limited: boolean;
  readonly namespaces: {
    readonly users: readonly Namespace[];
    readonly aliases: readonly Namespace[];
    readonly rooms: readonly Namespace[];
  };
  readonly protocols: readonly string[];
  readonly receive_ephemeral: boolean;
  readonly "de.sorunome.msc2409.push_ephemeral": boolean;
  readonly "io.element.msc4190": boolean;
}

/**
 * What `postfach-bridge registration` writes. Built here and not by the library, whose registration class drops
 * `receive_ephemeral` and `io.element.msc4190` (matrix.md §1.5). Pure; `protocols` are names of the bridges in use.
 */
export function buildRegistration(
  homeserver: Pick<HomeserverConfig, "name">,
  appservice: AppserviceConfig,
  protocols: readonly string[],
): Registration {
  const { id, url, prefix } = appservice;
  const namespace = (sigil: string): Namespace => ({
    regex: `^${sigil}${prefix}.*:${escapeRegex(homeserver.name)}$`,
    exclusive: true,
  });
  return {
    id,
    url,
    as_token: appservice.asToken.reveal(),
    hs_token: appservice.hsToken.reveal(),
    sender_localpart: senderLocalpart(prefix),
    // Ghosts speak for a whole mailbox system: limits made for people would hold letters up.
    rate_limited: false,
    namespaces: { users: [namespace("@")], aliases: [namespace("#")], rooms: [] },
    protocols: [...new Set(protocols)].sort(),
    receive_ephemeral: true,
    "de.sorunome.msc2409.push_ephemeral": true,
    "io.element.msc4190": true,
  };
}

function escapeRegex(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
