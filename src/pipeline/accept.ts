import type { AcceptOptions, Accepted, LegacyReader, Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import type { MatrixAcceptOptions } from "../matrix/contract.ts";
import { GatewayError } from "../model/errors.ts";
import type { IncomingMessage } from "../model/message.ts";
import type { Conversation, Store } from "../store/store.ts";
import type { Decider } from "../transition/deciding.ts";
import { takeInbound } from "./accept-inbound.ts";
import { takeOutbound } from "./accept-outbound.ts";

export interface AcceptDeps {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => Date;
  ring(lane: string): void;
  /** Where letters go by plan; without it everything goes to the other side. */
  readonly decider?: Pick<Decider, "inbound" | "outbound">;
  /** What an account's bridge says in general; it may say otherwise for a letter. */
  legacyReaderOf?(account: AccountConfig): LegacyReader;
}

/** Store durably, then (and only then) let the caller acknowledge upstream. The only way a letter comes into being. */
export interface Acceptor {
  fromLegacy(
    account: AccountConfig,
    message: IncomingMessage,
    options?: AcceptOptions,
  ): Promise<Accepted>;
  fromMatrix(
    account: AccountConfig,
    conversation: Conversation,
    message: IncomingMessage,
    options?: MatrixAcceptOptions,
  ): Promise<Accepted>;
}

export function createAcceptor(deps: AcceptDeps): Acceptor {
  return {
    async fromLegacy(account, incoming, options = {}) {
      for (let n = 0; n < MAX_DECISIONS; n += 1) {
        const accepted = await takeInbound(deps, account, incoming, options);
        if (accepted !== "redecide") return accepted;
      }
      throw tooLively(account);
    },
    async fromMatrix(account, conversation, incoming, options = {}) {
      for (let n = 0; n < MAX_DECISIONS; n += 1) {
        const accepted = await takeOutbound(deps, account, conversation, incoming, options);
        if (accepted !== "redecide") return accepted;
      }
      throw tooLively(account);
    },
  };
}
/** Another letter of the conversation came first and was decided otherwise: so often it is tried again. */
const MAX_DECISIONS = 20;

function tooLively({ name }: AccountConfig): GatewayError {
  const text = `${name}: other letters of the conversation keep coming first`;
  return new GatewayError("STORE_UNAVAILABLE", text);
}
