import type { Log } from "../bridge/contract.ts";
import type { AccountConfig } from "../config/schema.ts";
import { describeError, GatewayError } from "../model/errors.ts";
import { confirmAnyClaim, requestClaim, type ClaimDeps, type ClaimWish } from "./claims.ts";

/** What a reader may do without an operator. Nothing that it answers says whether a mailbox or a claim is there. */
export interface ClaimDesk {
  /** May somebody ask for a code here? false: only give one back. */
  readonly asks: boolean;
  /** Resolves when a code was sent, and just so when it must not or cannot be: only our log knows which. */
  request(wish: ClaimWish): Promise<void>;
  /** The mailbox that is linked now; undefined: the code is not worth anything, for whatever reason. */
  confirm(user: string, code: string): Promise<{ account: string; mailbox: string } | undefined>;
}

/** undefined: no account allows it. */
export function createClaimDesk(
  deps: ClaimDeps & { readonly log: Log },
  accounts: readonly AccountConfig[],
): ClaimDesk | undefined {
  const open = accounts.filter(({ claimsInRoom }) => claimsInRoom !== undefined);
  const asking = open.filter(({ claimsInRoom }) => claimsInRoom === "request");
  if (open.length === 0) return undefined;
  const names = open.map(({ name }) => name);
  return {
    asks: asking.length > 0,
    async request(wish) {
      const isAllowed = asking.some(({ name }) => name === wish.account);
      const fields = { account: wish.account, user: wish.user };
      try {
        if (!isAllowed) throw new GatewayError("NOT_ALLOWED", "codes are not given out in a chat");
        await requestClaim(deps, wish, wish.user);
      } catch (error) {
        if (!isRefusal(error)) throw error;
        deps.log.warn({ ...fields, why: describeError(error) }, "claim-not-sent");
      }
    },
    async confirm(user, code) {
      const { result, account, mailbox } = await confirmAnyClaim(deps, {
        ...{ accounts: names, user, code },
      });
      deps.log.info({ user, result }, "claim-answered");
      return account === undefined || mailbox === undefined ? undefined : { account, mailbox };
    },
  };
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof GatewayError &&
    ["NOT_ALLOWED", "NOT_FOUND", "CONFIG_INVALID"].includes(error.code)
  );
}
