import { defineBridge } from "../../src/bridge/contract.ts";
import type { Capabilities } from "../../src/bridge/contract.ts";
import { BundidBridge } from "./bridge.ts";
import { caseKeyOf } from "./codec.ts";
import { INSPECT_OPTIONS, inspectFile } from "./inspect.ts";
import { BUILT_IN } from "./profile.ts";
import { settingsSchema } from "./settings.ts";
import { verifySettings } from "./verify.ts";

const UUID_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";

const capabilities: Capabilities = {
  directions: ["inbound", "outbound"],
  maxMessageBytes: BUILT_IN.limits.bodyBytes + BUILT_IN.limits.files * BUILT_IN.limits.fileBytes,
  mediaTypes: BUILT_IN.mediaTypes.flatMap(({ type, standard }) =>
    standard === undefined ? [type] : [type, standard],
  ),
  receipts: [
    "relayed",
    "delivered",
    "retrieved",
    "recipient-gone",
    "reply-accepted",
    "reply-rejected",
  ],
  // PUT without an id in its URL: a repeated letter is a second letter (bundid-fink.md §1.4).
  idempotentDelivery: false,
  // What the inlet takes is handed on byte for byte.
  legacyReaders: "forward",
};

export default defineBridge({
  name: "bundid",
  title:
    "BundID mailbox (ZBP): letters to citizens who read there, and from authorities that send there.",
  schema: settingsSchema,
  capabilities,
  lookupFields: {
    mailbox: { regexp: UUID_PATTERN, placeholder: "11111111-2222-4333-8444-555555555555" },
  },
  remotes: ({ sender }) => (sender ? [sender.url] : []),
  legacyReader: ({ sender }) => (sender ? "forward" : "none"),
  create: (context) => new BundidBridge(context),
  caseKey: caseKeyOf,
  verify: (config) => Promise.resolve().then(() => verifySettings(config)),
  inspect: inspectFile,
  inspectOptions: INSPECT_OPTIONS,
});
