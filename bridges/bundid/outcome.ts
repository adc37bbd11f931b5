import { DeliveryError } from "../../src/model/errors.ts";
import type { DeliveryErrorOptions } from "../../src/model/errors.ts";
import type { ErrorRule, Profile } from "./profile.ts";
import { readPathText } from "./value-path.ts";

/** What an answer of ZBP means. Pure. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  readonly body: Buffer;
  /** false: the connection broke while the answer was read, or it was too long. */
  readonly complete: boolean;
}

/** A refusal, with the status it came with: a forwarded letter passes it on. */
export class RemoteRefusal extends DeliveryError {
  readonly status: number;
  readonly remoteCode: string | undefined;
  constructor(rule: ErrorRule, answer: Answer, profile: Profile, options: DeliveryErrorOptions) {
    const json = jsonOf(answer);
    const problem = profile.answer.problem.map((path) => readPathText(json, path)).find(Boolean);
    const remoteCode = readPathText(json, profile.answer.code, 64);
    const field = readPathText(json, profile.answer.field, 100);
    // Free text may quote the letter; it is used only when there is nothing else to go by.
    const said =
      remoteCode === undefined ? problem : [remoteCode, field].filter(Boolean).join(": ");
    const detail = said === undefined ? "" : `: ${printable(said)}`;
    super(rule.fault, rule.code, `answered ${answer.status}${detail}`, options);
    this.status = answer.status;
    this.remoteCode = remoteCode;
  }
}

const MAX_RETRY_AFTER_MS = 86_400_000;

/**
 * Returns the answer when it means that the letter was taken, else throws.
 *
 * Success is the status alone: the body of a success is not specified (bundid-fink.md §1.4), so a missing, garbled or
 * cut one takes nothing away from it. The server decided before it wrote the status line, and it is authenticated;
 * calling such a letter unknown would only lead a human to send it twice. One exception: a success for a request whose
 * end had not left us cannot be about the whole letter.
 * @throws DeliveryError
 */
export function judgeAnswer(
  answer: Answer,
  ok: readonly number[],
  profile: Profile,
  requestWasComplete: boolean,
): Answer {
  const { status } = answer;
  if (ok.includes(status)) {
    if (requestWasComplete) return answer;
    const message = `answered ${status} before the letter had been sent completely`;
    throw new DeliveryError("unknown", "REMOTE_ANSWER_INVALID", message);
  }
  if (status >= 200 && status < 300)
    throw new DeliveryError("unknown", "REMOTE_ANSWER_INVALID", `unexpected answer ${status}`);
  const rule = ruleFor(answer, profile);
  throw new RemoteRefusal(rule, answer, profile, retryOptions(answer));
}

function ruleFor(answer: Answer, { errors }: Profile): ErrorRule {
  const statusClass = `${String(answer.status).charAt(0)}xx`;
  const fallback: ErrorRule = { code: "OUTCOME_UNKNOWN", fault: "unknown", json: false };
  const rule = errors[String(answer.status)] ?? errors[statusClass] ?? fallback;
  // A proxy, or a path that is wrong, must not make every letter fail for good.
  if (rule.json && jsonOf(answer) === undefined)
    return { code: "REMOTE_ANSWER_INVALID", fault: "transient", json: false };
  return rule;
}

function retryOptions({ retryAfter }: Answer): DeliveryErrorOptions {
  if (retryAfter === undefined) return {};
  const seconds = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  const until = seconds === undefined ? Date.parse(retryAfter) - Date.now() : seconds * 1000;
  if (Number.isNaN(until) || until <= 0) return {};
  return { retryAfterMs: Math.min(until, MAX_RETRY_AFTER_MS) };
}

/** The body as JSON, if it is an object. */
export function jsonOf({ body }: Pick<Answer, "body">): object | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    // Not JSON: the caller decides what that means.
    return undefined;
  }
}

/** Foreign text for a log line: one line, no control characters, not long. */
export function printable(text: string): string {
  return text.replace(/[^\x20-\x7e\u00a0-\u024f]/g, " ").slice(0, 300);
}

/** The answer as it came, as evidence: status line and type, an empty line, the bytes. */
export function evidenceOf(answer: Answer): Buffer {
  const cut = answer.complete ? "" : "X-Note: the answer broke off here\r\n";
  const head = `HTTP/1.1 ${answer.status}\r\nContent-Type: ${answer.contentType}\r\n${cut}\r\n`;
  return Buffer.concat([Buffer.from(head, "utf8"), answer.body]);
}
