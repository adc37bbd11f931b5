/**
 * How far a failed request came. refused: against our own rules, will never work. not-sent: not one byte of it left.
 * sent: at least a part was handed to the network, the other side may have acted on it.
 */
export type EgressStage = "refused" | "not-sent" | "sent";

export class EgressError extends Error {
  readonly stage: EgressStage;
  /** Of an answer that is against the rules (a redirect). */
  readonly status: number | undefined;
  constructor(
    stage: EgressStage,
    message: string,
    options: { cause?: unknown; status?: number } = {},
  ) {
    super(message, "cause" in options ? { cause: options.cause } : {});
    this.name = "EgressError";
    this.stage = stage;
    this.status = options.status;
  }
}
