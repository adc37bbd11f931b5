import type { Check, Inspection } from "../../src/bridge/contract.ts";
import { describeError, type ErrorCode, type GatewayError } from "../../src/model/errors.ts";
import { subjectOf, type Facts } from "./inspect-facts.ts";
import { OsciError } from "./wire/errors.ts";
import type { SignatureReport } from "./wire/signature-verify.ts";

/** Collects what is found; the first failed check decides the code. */
export class Findings {
  readonly facts: Facts = {};
  readonly #checks: Check[] = [];
  #code: ErrorCode | undefined;

  pass(name: string, detail?: string): void {
    this.#checks.push({ name, ok: true, ...(detail === undefined ? {} : { detail }) });
  }

  refuse(name: string, error: GatewayError): void {
    const osci = error instanceof OsciError ? `OSCI ${error.osciCode}: ` : "";
    this.#checks.push({ name, ok: false, detail: osci + describeError(error) });
    this.#code ??= error.code;
  }

  /** One line for the signature, one for each reference. */
  signature(name: string, { algorithm, signer, references, errors }: SignatureReport): void {
    const own = errors.filter((error) => !references.some((entry) => entry.error === error));
    const by = signer === undefined ? "" : ` by ${subjectOf(signer.certificate)}`;
    if (own.length === 0) this.pass(name, `${algorithm.split("#").at(-1) ?? algorithm}${by}`);
    for (const error of own) this.refuse(name, error);
    for (const { uri, error } of references)
      if (error === undefined) this.pass(`${name}: ${uri}`);
      else this.refuse(`${name}: ${uri}`, error);
  }

  get refused(): boolean {
    return this.#code !== undefined;
  }

  result(): Inspection {
    const code = this.#code;
    const found = { kind: "osci", checks: this.#checks, facts: this.facts };
    return code === undefined ? found : { ...found, code };
  }
}
