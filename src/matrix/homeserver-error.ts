import type { z } from "zod";
import { DeliveryError, GatewayError, type ErrorCode, type Fault } from "../model/errors.ts";

/** A refusal or failure of the homeserver. A send is idempotent by its transaction id, so the fault is never `unknown`. */
export class HomeserverError extends DeliveryError {
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** Matrix error code, for example M_NOT_FOUND. */
  readonly errcode: string | undefined;
  constructor(
    fault: Fault,
    code: ErrorCode,
    message: string,
    details: {
      status?: number | undefined;
      errcode?: string | undefined;
      retryAfterMs?: number | undefined;
      cause?: unknown;
    } = {},
  ) {
    super(fault, code, message, {
      ...("cause" in details ? { cause: details.cause } : {}),
      ...(details.retryAfterMs === undefined ? {} : { retryAfterMs: details.retryAfterMs }),
    });
    this.name = "HomeserverError";
    this.status = details.status;
    this.errcode = details.errcode;
  }
}

/** Did the homeserver refuse with one of these statuses? */
export function refusedWith(error: unknown, ...statuses: readonly number[]): boolean {
  return (
    error instanceof HomeserverError &&
    error.status !== undefined &&
    statuses.includes(error.status)
  );
}

export function hasErrcode(error: unknown, errcode: string): boolean {
  return error instanceof HomeserverError && error.errcode === errcode;
}

/**
 * Which fault an answer is: always transient here, because membership, rooms and policies of a server may be different
 * tomorrow and a refused token is an operator's matter: letters wait. Only who knows what was asked may say otherwise
 * (`asContentFault`).
 */
export function errorOfAnswer(
  what: string,
  status: number,
  body: { readonly errcode?: string | undefined },
  retryAfterMs?: number,
): HomeserverError {
  const { errcode } = body;
  const message = `${what}: the homeserver answered ${status}${errcode ? ` ${errcode}` : ""}`;
  const details = { status, errcode, retryAfterMs };
  if (status === 401) return new HomeserverError("transient", "AUTH_REFUSED", message, details);
  if (status >= 300 && status < 400)
    return new HomeserverError("transient", "REMOTE_ANSWER_INVALID", message, details);
  return new HomeserverError("transient", "REMOTE_UNAVAILABLE", message, details);
}

/** An event that the homeserver calls malformed or too large stays so for ever. */
export function asContentFault(error: unknown): unknown {
  if (!(error instanceof HomeserverError) || !refusedWith(error, 400, 413)) return error;
  const { status, errcode } = error;
  const details = { status, errcode, cause: error };
  return new HomeserverError("permanent", "LETTER_INVALID", error.message, details);
}

export function errorOfConnection(what: string, cause: unknown): HomeserverError {
  const message = `${what}: the homeserver did not answer`;
  return new HomeserverError("transient", "REMOTE_UNAVAILABLE", message, { cause });
}

/** What a stream of the homeserver ended with, as an error with a code; our own errors pass through. */
export function asTransferError(what: string, error: unknown): unknown {
  const ours = error instanceof DeliveryError || error instanceof GatewayError;
  return ours ? error : errorOfConnection(what, error);
}

/** Reads an answer; one that has another form is the homeserver's fault, not the letter's. */
export function readAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const message = `${what}: the homeserver's answer has another form`;
  throw new HomeserverError("transient", "REMOTE_ANSWER_INVALID", message, { cause: parsed.error });
}
