import type { Store } from "../store/store.ts";
import type { VoiceDeps } from "./voice.ts";

/** What programs read of a status notice. */
export const STATUS_BLOCK = "de.postfach-bridge.status";

export interface StatusDeps extends VoiceDeps {
  readonly store: Store;
}
