import type { Side } from "../model/message.ts";
import type { MessageState } from "../model/state.ts";

/** What metrics and health are made of: `Store.stats`. */
export interface StoreStats {
  readonly messages: readonly {
    account: string;
    origin: Side;
    state: MessageState;
    count: number;
  }[];
  readonly oldestUnfinished: readonly { account: string; origin: Side; at: Date }[];
  readonly quarantineOpen: number;
  readonly lanesDue: number;
  readonly lanesWaitingForOperator: number;
  /** Events that the sweep found and push has not brought within a minute. */
  readonly sweptOnly: number;
}
