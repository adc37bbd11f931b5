import fs from "node:fs";
import { describe, test } from "vitest";
import type { Provision } from "../../../deploy/tools/provision.mjs";

/** A service for tests, or the reason why this machine cannot have it. */
export type Availability<T> =
  ({ readonly available: true } & T) | { readonly available: false; readonly reason: string };

/** `interop`: the reference implementation of OSCI, which no registry has. `zeep`: a SOAP client from PyPI. */
type Service = Provision | "interop" | "zeep";
const requiredBy: Readonly<Record<Service, string>> = {
  interop: "REQUIRE_INTEROP",
  zeep: "REQUIRE_INTEROP",
  synapse: "REQUIRE_SYNAPSE",
  redis: "REQUIRE_SERVICES",
  postgres: "REQUIRE_SERVICES",
  xmlsec1: "REQUIRE_SERVICES",
  xmllint: "REQUIRE_SERVICES",
};

/**
 * Says aloud that tests are skipped, here and at the end of `npm test`.
 * Throws instead where the service was demanded (REQUIRE_SYNAPSE=1, REQUIRE_SERVICES=1, REQUIRE_INTEROP=1).
 */
export function declareUnavailable(
  name: Service,
  reason: string,
): { available: false; reason: string } {
  const variable = requiredBy[name];
  if (process.env[variable] === "1")
    throw new Error(`${variable}=1, but ${name} is not available: ${reason}`);
  console.warn(`SKIPPED ${name}: ${reason}`);
  const record = process.env.POSTFACH_TEST_SKIPS;
  if (record !== undefined) fs.appendFileSync(record, `${JSON.stringify({ name, reason })}\n`);
  return { available: false, reason };
}

/** `describe` for tests that need a service: without it they appear as one skipped test that names the reason. */
export function describeWith<T>(
  title: string,
  service: Availability<T>,
  body: (service: { readonly available: true } & T) => void,
): void {
  if (service.available) describe(title, () => body(service));
  else describe(title, () => test.skip(`needs a service: ${service.reason}`));
}
