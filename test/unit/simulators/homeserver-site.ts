/** A simulated homeserver with a listening application service, for the tests of the simulator itself. */
import { startHomeserver } from "../../../fixtures/simulators/homeserver/index.ts";
import type {
  Homeserver,
  HomeserverOptions,
} from "../../../fixtures/simulators/homeserver/index.ts";
import type { Registration } from "../../../fixtures/simulators/homeserver/index.ts";
import { startRecordingAppservice } from "../../homeserver/recording-appservice.ts";
import type { RecordingAppservice } from "../../homeserver/recording-appservice.ts";
import type { MatrixClient } from "../../support/matrix-client.ts";

export interface Site extends AsyncDisposable {
  readonly server: Homeserver;
  readonly appservice: RecordingAppservice;
  /** Registers a ghost `@_pf_<name>:hs.test`. */
  ghost(name: string): Promise<MatrixClient>;
  /** A ghost in a room of its own, of which the service has heard. */
  settled(name: string): Promise<{ readonly ghost: MatrixClient; readonly room: string }>;
  heard(eventId: string): Promise<void>;
}

export const registrationFor = (url: string | null): Registration => ({
  id: "bridge",
  url,
  as_token: "as-token",
  hs_token: "hs-token",
  sender_localpart: "_pf_bot",
  rate_limited: false,
  receive_ephemeral: true,
  namespaces: {
    users: [{ regex: "@_pf_.*", exclusive: true }],
    aliases: [{ regex: "#_pf_.*", exclusive: true }],
  },
});

/** Retries come after milliseconds instead of seconds. */
const backoffUnitMs = 5;

export async function openSite(options: Partial<HomeserverOptions> = {}): Promise<Site> {
  const appservice = await startRecordingAppservice();
  const registration = registrationFor(appservice.url);
  const server = await startHomeserver({ registration, backoffUnitMs, ...options });
  const bridge = server.clientFor("@_pf_bot:hs.test");
  const ghost = async (name: string): Promise<MatrixClient> => {
    const type = "m.login.application_service";
    const body = { type, username: `_pf_${name}`, inhibit_login: true };
    const { options: sender } = bridge;
    await bridge.call("POST", "/_matrix/client/v3/register", { body });
    return bridge.as(`@_pf_${name}:${server.serverName}`, sender.actAsDevice);
  };
  const heard = (eventId: string): Promise<void> =>
    appservice.until(() => pushed(appservice).includes(eventId));
  return {
    server,
    appservice,
    ghost,
    heard,
    settled: async (name) => {
      const one = await ghost(name);
      const room = await one.createRoom();
      await heard(await one.sendText(room, "ready"));
      return { ghost: one, room };
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await appservice.stop();
    },
  };
}

/** Event ids heard so far, in order, repeated ones too. */
export function pushed(appservice: RecordingAppservice): readonly string[] {
  return appservice.transactions.flatMap((txn) => txn.events.map((event) => event.event_id));
}
