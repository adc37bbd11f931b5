import type { Side } from "../model/message.ts";
import type { MessageState } from "../model/state.ts";
import type { Store, StoredMessage } from "../store/store.ts";

/** What operators may look for; the same on the command line and in the admin API. */
export interface LetterQuery {
  readonly account?: string | undefined;
  readonly state?: MessageState | undefined;
  readonly origin?: Side | undefined;
  readonly conversation?: string | undefined;
  /** Accepted at this time or later. */
  readonly since?: Date | undefined;
  /** Continue behind this letter (its `seq`). */
  readonly after?: number | undefined;
  readonly order: "oldest" | "newest";
  readonly limit: number;
}

const PAGE = 1_000;

export async function findLetters(
  store: Store,
  query: LetterQuery,
): Promise<readonly StoredMessage[]> {
  const { account, state, origin, conversation, since, order, limit } = query;
  const found: StoredMessage[] = [];
  let { after } = query;
  while (found.length < limit) {
    const page = await store.listMessages({
      order,
      limit: since === undefined ? limit - found.length : PAGE,
      ...(account === undefined ? {} : { account }),
      ...(state === undefined ? {} : { state }),
      ...(origin === undefined ? {} : { origin }),
      ...(conversation === undefined ? {} : { conversationId: conversation }),
      ...(after === undefined ? {} : { after }),
    });
    const recent = page.filter(({ acceptedAt }) => since === undefined || acceptedAt >= since);
    found.push(...recent.slice(0, limit - found.length));
    // Numbers grow with the time of acceptance: backwards, the first one that is too old ends the search.
    const isPast = order === "newest" && recent.length < page.length;
    after = page.at(-1)?.seq;
    if (page.length === 0 || isPast) break;
  }
  return found;
}
