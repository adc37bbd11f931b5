import { describe } from "vitest";
import type { StoreFactory } from "../support/stores.ts";
import { acceptSuite } from "./store-accept.ts";
import { concurrencySuite } from "./store-concurrency.ts";
import { conversationSuite } from "./store-conversations.ts";
import { eventSuite } from "./store-events.ts";
import { factSuite } from "./store-facts.ts";
import { laneSuite } from "./store-lanes.ts";
import { operatorSuite } from "./store-operator.ts";
import { peopleSuite } from "./store-people.ts";
import { quarantineSuite } from "./store-quarantine.ts";
import { receiptSuite } from "./store-receipts.ts";
import { settleSuite } from "./store-settle.ts";
import { statsSuite } from "./store-stats.ts";
import { transitionSuite } from "./store-transition.ts";
import { usingStore } from "./store-bench.ts";

/** What every store must do, whatever it is made of. Each test gets an empty database. */
export function storeConformance(name: string, factory: StoreFactory): void {
  describe(`${name}: the store contract`, () => {
    const bench = usingStore(factory);
    const suites = {
      "taking letters in": acceptSuite,
      conversations: conversationSuite,
      lanes: laneSuite,
      "outcomes of attempts": settleSuite,
      receipts: receiptSuite,
      "Matrix events": eventSuite,
      quarantine: quarantineSuite,
      transition: transitionSuite,
      "operators and the audit log": operatorSuite,
      "facts and links": factSuite,
      "who is who": peopleSuite,
      numbers: statsSuite,
      "several nodes at once": concurrencySuite,
    };
    for (const [title, suite] of Object.entries(suites)) describe(title, () => suite(bench));
  });
}
