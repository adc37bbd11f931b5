import { join } from "node:path";
import { openPki } from "../../../fixtures/simulators/pki/index.ts";
import { senderOf, type BundidWorld } from "./bundid.ts";
import type { Place, World } from "./world.ts";

/** An authority whose clerks share function mailboxes; its citizens read in the BundID mailbox. */
export const DESK_ACCOUNT = "familie";
export const DESK_AUTHORITY = "Amt für Familie Beispielhausen";
export const DESK = { name: "elterngeld", title: "Elterngeldstelle", references: "EG-" } as const;
export const OTHER_DESK = { name: "kita", title: "Kita-Gutscheine", references: "KI-" } as const;
/** Two share the first desk; the third sits at the other one. */
export const CLERKS = ["lea", "tom"] as const;
export const DEPUTY = "uwe";
export const DORA_MAILBOX = "d03a0000-1111-4222-8333-444455556666";

/** Uses the BundID mailbox that is there; registers the citizen and the authority's certificate with it. */
export async function startDeskWorld(place: Place, { zbp }: BundidWorld): Promise<World> {
  const pki = await openPki(join(place.dir, "pki"));
  const gateway = await pki.obtain("desk-gateway", { cn: DESK_AUTHORITY });
  zbp.register(gateway.certPem, "relay");
  if (!zbp.state.mailbox(DORA_MAILBOX))
    zbp.createMailbox({ uuid: DORA_MAILBOX, owner: "Dora Beispiel" });
  const users = (names: readonly string[]) => names.map((it) => `@${it}:${place.serverName}`);
  const desk = ({ references, ...names }: typeof DESK | typeof OTHER_DESK, clerks: string[]) => ({
    ...{ ...names, references: [references], clerks },
  });
  return {
    accounts: [
      {
        ...{ name: DESK_ACCOUNT, bridge: "bundid", title: DESK_AUTHORITY },
        functionMailboxes: [desk(DESK, users(CLERKS)), desk(OTHER_DESK, users([DEPUTY]))],
        privateNetworks: ["127.0.0.0/8"],
        settings: {
          profile: "file:zbp.yaml",
          sender: {
            ...senderOf(zbp.url, pki.caFile, gateway, "Elterngeld"),
            replies: { enabled: true, pollEvery: "2s" },
          },
        },
      },
    ],
    close: () => Promise.resolve(),
  };
}
