import type { Check } from "../../src/bridge/contract.ts";
import { MultipartError } from "../../src/guard/multipart.ts";
import { StrictJsonError } from "../../src/guard/strict-json.ts";
import { GatewayError } from "../../src/model/errors.ts";
import type { ErrorCode } from "../../src/model/errors.ts";
import { LetterFault } from "./letter-fault.ts";
import { Refusal } from "./refusal.ts";
import { TokenError } from "./token.ts";

/** The table that `inspect` prints: step after step, the first that fails is the last. */
export class CheckList {
  readonly results: Check[] = [];
  code: ErrorCode | undefined;

  /** @throws Refused after having noted a known fault; anything else as it is */
  async step<T>(
    name: string,
    run: () => T | Promise<T>,
    describe: (value: T) => string | undefined = () => undefined,
  ): Promise<T> {
    try {
      const value = await run();
      const detail = describe(value);
      this.results.push({ name, ok: true, ...(detail === undefined ? {} : { detail }) });
      return value;
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined || !(error instanceof Error)) throw error;
      this.code = code;
      this.results.push({ name, ok: false, detail: error.message });
      throw new Refused();
    }
  }

  /** Runs the steps up to the first refusal. */
  async until(steps: () => Promise<void>): Promise<void> {
    await steps().catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
    });
  }
}

class Refused extends Error {}

function codeOf(error: unknown): ErrorCode | undefined {
  if (error instanceof LetterFault) return error.code;
  if (error instanceof GatewayError) return error.code;
  if (error instanceof StrictJsonError) return "INPUT_INVALID";
  if (error instanceof TokenError) return "AUTH_REFUSED";
  if (error instanceof MultipartError)
    return error.fault === "limit" || error.fault === "part-size"
      ? "INPUT_HOSTILE"
      : "INPUT_INVALID";
  if (!(error instanceof Refusal)) return undefined;
  if (error.code === "SIGNATURE") return "SIGNATURE_INVALID";
  return error.code.startsWith("ATTACHMENT") ? "ATTACHMENT_REJECTED" : "INPUT_INVALID";
}
