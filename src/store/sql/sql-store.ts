import type { Sealer } from "../keys.ts";
import type { Store } from "../store.ts";
import { acceptMethods } from "./accept.ts";
import { auditMethods } from "./audit.ts";
import { conversationMethods } from "./conversations.ts";
import { createTextSeals } from "./core.ts";
import type { Database } from "./database.ts";
import { eventMethods } from "./events.ts";
import { factMethods } from "./facts.ts";
import { laneMethods } from "./lanes.ts";
import { letterMethods } from "./letters.ts";
import { linkMethods } from "./links.ts";
import { migrate } from "./migrate.ts";
import { operatorMethods } from "./operator.ts";
import { claimMethods } from "./claims.ts";
import { peopleMethods } from "./people.ts";
import { quarantineMethods } from "./quarantine.ts";
import { receiptMethods } from "./receipts.ts";
import { settleMethods } from "./settle.ts";
import { statsMethods } from "./stats.ts";
import { transitionMethods } from "./transition.ts";
import { workMethods } from "./work.ts";

/** The store over any database that speaks the common SQL: every method is written once. */
export function createSqlStore(db: Database, sealer: Sealer): Store {
  const core = { db, seals: createTextSeals(sealer) };
  return {
    async open() {
      try {
        await db.open();
        await migrate(db);
      } catch (error) {
        await db.close();
        throw error;
      }
    },
    close: () => db.close(),
    ...acceptMethods(core),
    ...letterMethods(core),
    ...conversationMethods(core),
    ...laneMethods(core),
    ...workMethods(core),
    ...settleMethods(core),
    ...receiptMethods(core),
    ...eventMethods(core),
    ...quarantineMethods(core),
    ...operatorMethods(core),
    ...auditMethods(core),
    ...linkMethods(core),
    ...peopleMethods(core),
    ...claimMethods(core),
    ...factMethods(core),
    ...transitionMethods(core),
    ...statsMethods(core),
  };
}
