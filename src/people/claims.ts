import { createHmac, randomInt } from "node:crypto";
import { legacyReaderOf } from "../bridge/legacy-reader.ts";
import type { BridgeDefinition } from "../bridge/contract.ts";
import type { AccountConfig, CoreConfig } from "../config/schema.ts";
import { GatewayError } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import { createNames } from "../matrix/names.ts";
import { checkLink } from "../ops/links.ts";
import type { Acceptor } from "../pipeline/accept.ts";
import type { ClaimResult, Store } from "../store/store.ts";
import { dayOf, spokenDay } from "../transition/berlin.ts";
import { claimLetter } from "./own-letters.ts";

/** 32 characters that cannot be mistaken for each other (Crockford): ten of them are 50 bits. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 10;
const DAY_MS = 86_400_000;
/** People do not look into an old mailbox every day. */
const VALID_MS = 14 * DAY_MS;
const PER_MAILBOX = 3;
const PER_USER = 5;
const MAX_TRIES = 5;

export interface ClaimDeps {
  readonly config: CoreConfig;
  readonly store: Pick<
    Store,
    "openClaim" | "answerClaim" | "answerAnyClaim" | "claim" | "releaseHeld"
  >;
  readonly acceptor: Pick<Acceptor, "fromLegacy">;
  /** undefined: the account does not run. */
  running(account: string): Pick<BridgeDefinition, "capabilities" | "legacyReader"> | undefined;
  derive(purpose: string): Uint8Array;
  readonly now: () => Date;
}
export interface ClaimWish {
  readonly account: string;
  readonly mailbox: string;
  readonly user: string;
}

/**
 * Sends a one-time code through the old mailbox itself. Whoever reads it there and gives it back proves to have the
 * mailbox. Throws NOT_FOUND, NOT_ALLOWED (no way into the old mailbox, or too many), CONFIG_INVALID (user).
 */
export async function requestClaim(
  deps: ClaimDeps,
  wish: ClaimWish,
  by: string,
): Promise<{ id: string; expiresAt: Date }> {
  const account = accountOf(deps, wish);
  const now = deps.now();
  const id = newId(now.getTime());
  const code = newCode();
  const expiresAt = new Date(now.getTime() + VALID_MS);
  const since = new Date(now.getTime() - DAY_MS);
  const limits = { since, perMailbox: PER_MAILBOX, perUser: PER_USER };
  await deps.store.openClaim(
    { ...wish, id, by, expiresAt, mac: macOf(deps, id, code) },
    limits,
    now,
  );
  const { name, title } = account;
  const letter = { ...wish, id, account: name, title, code: spell(code), now };
  const keeper = account.claimsInRoom && keeperOf(deps.config);
  const until = spokenDay(dayOf(new Date(expiresAt.getTime() - DAY_MS)));
  await deps.acceptor.fromLegacy(
    account,
    claimLetter({ ...letter, until, ...(keeper === undefined ? {} : { keeper }) }),
    { destination: "legacy" },
  );
  return { id, expiresAt };
}

export interface Confirmed {
  readonly result: ClaimResult;
  readonly account?: string;
  readonly mailbox?: string;
  /** Letters that were held for the mailbox, and go on now. */
  readonly released?: number;
}

/** Held letters of the mailbox go on when the code was right. */
export async function confirmClaim(
  deps: ClaimDeps,
  given: { readonly id: string; readonly user: string; readonly code: string },
  by: string,
): Promise<Confirmed> {
  const { id, user } = given;
  const mac = macOf(deps, id, normalise(given.code));
  const answer = { id, user, mac, by, maxTries: MAX_TRIES };
  return confirmed(deps, { id, result: await deps.store.answerClaim(answer, deps.now()) }, by);
}

/** The same for somebody who only has a code; it is compared with what this user has open in these accounts. */
export async function confirmAnyClaim(
  deps: ClaimDeps,
  given: { readonly accounts: readonly string[]; readonly user: string; readonly code: string },
): Promise<Confirmed> {
  const { accounts, user } = given;
  const code = normalise(given.code);
  const macFor = (id: string) => macOf(deps, id, code);
  const answer = { accounts, user, macOf: macFor, by: user, maxTries: MAX_TRIES };
  return confirmed(deps, await deps.store.answerAnyClaim(answer, deps.now()), user);
}

async function confirmed(
  deps: ClaimDeps,
  { result, id }: { readonly result: ClaimResult; readonly id?: string },
  by: string,
): Promise<Confirmed> {
  const claim = result === "linked" && id !== undefined ? await deps.store.claim(id) : undefined;
  if (!claim) return { result };
  const { account, mailbox } = claim;
  const code = "RECIPIENT_UNLINKED";
  const released = await deps.store.releaseHeld(account, mailbox, code, by, deps.now());
  return { result, account, mailbox, released };
}

/** Our user with whom readers chat. */
function keeperOf({ appservice, homeserver }: CoreConfig): string {
  return createNames(appservice.prefix, homeserver.name).keeper;
}

function accountOf(deps: ClaimDeps, { account: name, user }: ClaimWish): AccountConfig {
  const account = deps.config.accounts.find((one) => one.name === name);
  const running = deps.running(name);
  if (!account || !running)
    throw new GatewayError("NOT_FOUND", `there is no running account ${name}`);
  checkLink(deps.config, { account: name, user });
  if (legacyReaderOf(account, new Map([[account.bridge, running]])) !== "forward")
    throw new GatewayError("NOT_ALLOWED", `${name} has no way to write into its old mailboxes`);
  return account;
}

function newCode(): string {
  return Array.from({ length: CODE_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
}
function spell(code: string): string {
  return `${code.slice(0, CODE_LENGTH / 2)}-${code.slice(CODE_LENGTH / 2)}`;
}
/** As people copy it: small letters, spaces, O for 0, I and L for 1. */
function normalise(code: string): string {
  return code.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
}
function macOf({ derive }: Pick<ClaimDeps, "derive">, id: string, code: string): string {
  return createHmac("sha256", derive("claim-codes")).update(`${id}\n${code}`).digest("hex");
}
