import { defineBridge } from "../../src/bridge/contract.ts";
import type { Capabilities } from "../../src/bridge/contract.ts";
import { ADDRESS_PATTERN } from "./address.ts";
import { archive } from "./archive.ts";
import { FinkBridge } from "./bridge.ts";
import { BUILT_IN } from "./bsp/profile.ts";
import { federationCommands } from "./federation/index.ts";
import { INSPECT_OPTIONS, inspectFile } from "./inspect.ts";
import { remotesOf, settingsSchema } from "./settings.ts";
import type { Settings } from "./settings.ts";
import { verifySettings } from "./verify.ts";

const { limits, mediaTypes } = BUILT_IN;

const capabilities: Capabilities = {
  directions: ["inbound", "outbound"],
  maxMessageBytes: limits.textCharacters + limits.files * limits.fileBytes,
  mediaTypes: mediaTypes.flatMap(({ type, standard }) =>
    standard === undefined ? [type] : [type, standard],
  ),
  receipts: [
    "submission-accepted",
    "delayed",
    "relayed",
    "delivered",
    "retrieved",
    "not-delivered",
  ],
  // BspNachricht is not deduplicated by its id: a repeated letter is a second letter (bundid-fink.md §1.7).
  idempotentDelivery: false,
};

export default defineBridge({
  name: "fink",
  title:
    "Mailboxes of interoperable service accounts (FINK): to other Länder, and from authorities that send BspNachrichten.",
  schema: settingsSchema,
  capabilities,
  lookupFields: {
    mailbox: {
      regexp: ADDRESS_PATTERN,
      placeholder: "https://konto.land.example/idp|11111111-2222-4333-8444-555555555555",
    },
  },
  remotes: remotesOf,
  create: (context) => new FinkBridge(context),
  verify: (config) => Promise.resolve().then(() => verifySettings(config)),
  inspect: inspectFile,
  archive,
  inspectOptions: INSPECT_OPTIONS,
  commands: federationCommands(({ federation, participants }: Settings) => ({
    federation,
    participants,
  })),
});
