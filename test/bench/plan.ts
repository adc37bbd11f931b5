/** How much is measured: every count is fixed before the start, so that the bench ends by itself. */
export interface Plan {
  readonly name: "full" | "quick";
  readonly people: number;
  /** Rooms; each person reads the same number of them. */
  readonly conversations: number;
  readonly letterBytes: number;
  /** Transactions per measurement. */
  readonly acknowledge: {
    readonly quietSingle: number;
    readonly quietHundred: number;
    readonly busySingle: number;
    readonly busyHundred: number;
  };
  /** Letters per direction over the simulated homeserver, and over the BundID wire. */
  readonly letters: number;
  readonly wireLetters: number;
  /** Over Synapse: pairs of rounds (bare, gateway) per direction, and messages per round. */
  readonly ratio: { readonly pairs: number; readonly messages: number };
  readonly attachmentBytes: number;
}

export const FULL: Plan = {
  name: "full",
  people: 10,
  conversations: 50,
  letterBytes: 2_000,
  acknowledge: { quietSingle: 300, quietHundred: 40, busySingle: 1_000, busyHundred: 50 },
  letters: 5_000,
  wireLetters: 1_500,
  ratio: { pairs: 4, messages: 250 },
  attachmentBytes: 200_000_000,
};

export const QUICK: Plan = {
  ...FULL,
  name: "quick",
  acknowledge: { quietSingle: 60, quietHundred: 8, busySingle: 200, busyHundred: 8 },
  letters: 1_000,
  wireLetters: 300,
  ratio: { pairs: 2, messages: 100 },
};

/** Lanes that the gateway works on at once by default (`delivery.concurrency`); the bare loops do the same. */
export const CONCURRENCY = 16;
/** Nothing that is waited for may take longer, milliseconds. */
export const WAIT_MS = 180_000;

export const AIMS = {
  /** p99, milliseconds. */
  acknowledge: 25,
  lettersPerSecond: 300,
  ratio: 0.8,
  /** MB (10^6 bytes). */
  memory: 250,
  /** Times OpenSSL doing the same bulk work on 50 MB. */
  osciRatio: 2.5,
  /** MB while 200 MB pass. */
  osciMemory: 400,
  /** Milliseconds that the event loop is held. */
  osciStall: 50,
} as const;
