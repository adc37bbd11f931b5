import type { Link } from "./records.ts";

/** Who is who: history of links, substitutions, proofs of possession. */

export interface LinkChange extends Link {
  readonly seq: number;
  readonly change: "added" | "changed" | "removed";
  /** `by` is who made this change. */
  readonly at: Date;
}

/** Within an account `deputy` reads and writes what `absent` reads and writes; from, until before. Never in a chain. */
export interface Substitution {
  readonly id: string;
  readonly account: string;
  readonly absent: string;
  readonly deputy: string;
  readonly from: Date;
  readonly until: Date;
  readonly by: string;
}

export interface Claim {
  readonly id: string;
  readonly account: string;
  readonly mailbox: string;
  readonly user: string;
  readonly state: "open" | "used" | "superseded" | "blocked";
  readonly tries: number;
  readonly requestedAt: Date;
  readonly expiresAt: Date;
}
export interface NewClaim {
  readonly id: string;
  readonly account: string;
  readonly mailbox: string;
  readonly user: string;
  /** HMAC of the code, hex; the code itself is nowhere but in the letter. */
  readonly mac: string;
  readonly by: string;
  readonly expiresAt: Date;
}
/** How many may be asked for since then. */
export interface ClaimLimits {
  readonly since: Date;
  readonly perMailbox: number;
  readonly perUser: number;
}
/** linked: the code was right and the link stands. */
export type ClaimResult = "linked" | "wrong-code" | "expired" | "blocked" | "closed" | "unknown";
export interface AnyClaimAnswer {
  readonly user: string;
  readonly accounts: readonly string[];
  /** HMAC that the given code would have for the claim with this id. */
  macOf(id: string): string;
  readonly by: string;
  readonly maxTries: number;
}
