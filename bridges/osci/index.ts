import { defineBridge } from "../../src/bridge/contract.ts";
import type { Capabilities } from "../../src/bridge/contract.ts";
import { archive } from "./archive.ts";
import { OsciBridge } from "./bridge.ts";
import { INSPECT_OPTIONS, inspectOsci } from "./inspect.ts";
import { settingsSchema, type Settings } from "./settings.ts";
import { loadBook } from "./setup.ts";
import { verifySettings } from "./verify.ts";

const capabilities: Capabilities = {
  directions: ["inbound", "outbound"],
  // Legal maximum of a delivery since 2023 (facts §5.6).
  maxMessageBytes: 200_000_000,
  mediaTypes: "any",
  receipts: ["delivered", "retrieved"],
  // The message id is taken once, but only the process card tells whether it was: an open outcome is asked for.
  idempotentDelivery: false,
  // A delivery is confirmed by the next request of its dialog only: without one it stays for its reader there.
  legacyReaders: "kept",
};

export default defineBridge({
  name: "osci",
  title: "EGVP mailbox (OSCI-Transport 1.2): letters to and from courts, lawyers and authorities.",
  schema: settingsSchema,
  capabilities,
  lookupFields: {
    safeId: {
      regexp: "[A-Za-z0-9][A-Za-z0-9._-]{3,199}",
      placeholder: "DE.Justiz.11111111-2222-4333-8444-555555555555.abcd",
    },
    name: { regexp: ".{2,200}", placeholder: "Amtsgericht Musterstadt" },
  },
  remotes: (config) => [...new Set([config.intermediary.url, ...urlsOf(config)])],
  create: (context) => new OsciBridge(context),
  verify: (config) => Promise.resolve().then(() => verifySettings(config)),
  inspect: inspectOsci,
  archive,
  inspectOptions: INSPECT_OPTIONS,
});

/** What is wrong with the address book, `create` and `verify` say with all words; until then it opens no way out. */
function urlsOf(config: Settings): readonly string[] {
  try {
    return loadBook(config)?.urls() ?? [];
  } catch {
    return [];
  }
}
