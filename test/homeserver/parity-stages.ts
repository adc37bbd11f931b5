/** The stages of the comparison: a registration, the settings of the homeserver that go with it, what is tried. */
import { accountScenarios } from "./scenarios/accounts.ts";
import { mediaScenarios } from "./scenarios/media.ts";
import { pushScenarios } from "./scenarios/pushing.ts";
import { readingScenarios } from "./scenarios/reading.ts";
import { restartScenarios } from "./scenarios/restart.ts";
import { roomCreationScenarios } from "./scenarios/room-creation.ts";
import { roomScenarios } from "./scenarios/rooms.ts";
import { sendingScenarios } from "./scenarios/sending.ts";
import { serviceScenarios } from "./scenarios/service.ts";
import { strictScenarios } from "./scenarios/strict.ts";
import { syncScenarios } from "./scenarios/syncing.ts";
import type { Registration, RateLimit } from "../../fixtures/simulators/homeserver/index.ts";
import type { Scenario } from "./parity-target.ts";

export interface Stage {
  readonly name: string;
  readonly registration: (url: string) => Registration;
  readonly rateLimit?: RateLimit;
  readonly scenarios: readonly Scenario[];
}

export const serverName = "hs.test";
export const maxUploadBytes = 2 ** 20;

const registration = (url: string): Registration => ({
  id: "bridge",
  url,
  as_token: "as-token",
  hs_token: "hs-token",
  sender_localpart: "_pf_bot",
  rate_limited: false,
  receive_ephemeral: true,
  "de.sorunome.msc2409.push_ephemeral": true,
  protocols: ["bundid"],
  namespaces: {
    users: [{ regex: "^@_pf_.*:hs\\.test$", exclusive: true }],
    aliases: [{ regex: "^#_pf_.*:hs\\.test$", exclusive: true }],
    rooms: [],
  },
});

export const stages: readonly Stage[] = [
  {
    name: "as usual",
    registration,
    scenarios: [
      ...roomCreationScenarios,
      ...roomScenarios,
      ...sendingScenarios,
      ...syncScenarios,
      ...readingScenarios,
      ...mediaScenarios,
      ...serviceScenarios,
      ...pushScenarios,
      ...restartScenarios,
      // Last, because it registers the sender of the application service.
      ...accountScenarios,
    ],
  },
  {
    name: "strict",
    registration: (url) => {
      const { "de.sorunome.msc2409.push_ephemeral": _old, ...rest } = registration(url);
      return { ...rest, rate_limited: true, "io.element.msc4190": true };
    },
    rateLimit: { perSecond: 0.01, burst: 5 },
    scenarios: strictScenarios,
  },
];
