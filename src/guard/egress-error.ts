import { DeliveryError } from "../model/errors.ts";

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

/** The fault of a hand-over whose request failed: only what certainly never left may simply be tried again. */
export function faultOfRequest(cause: unknown): DeliveryError {
  const stage = cause instanceof EgressError ? cause.stage : "sent";
  if (stage === "refused")
    return new DeliveryError("transient", "EGRESS_REFUSED", "the request was not allowed out", {
      cause,
    });
  if (stage === "not-sent")
    return new DeliveryError("transient", "REMOTE_UNAVAILABLE", "nothing was sent", { cause });
  const message = "the connection broke after the request had begun";
  return new DeliveryError("unknown", "OUTCOME_UNKNOWN", message, { cause });
}
