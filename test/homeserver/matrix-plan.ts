import { Secret } from "../../src/bridge/settings.ts";
import { buildRegistration, type Registration } from "../../src/matrix/registration.ts";
import { findFreePort } from "../unit/matrix/support.ts";

export const SERVER = "hs.test";

function secretOf(value: string): Secret {
  const secret = new Secret("env:X");
  secret.load(".", { X: value });
  return secret;
}

/** Where the gateway will listen, and the registration that a homeserver must know before it starts. */
export interface Site {
  readonly port: number;
  readonly registration: Registration;
}
const asToken = secretOf("as-token-of-the-test");
const hsToken = secretOf("hs-token-of-the-test");
export const appserviceOf = (port: number) => ({
  id: "postfach-bridge",
  listen: { host: "127.0.0.1", port },
  url: `http://127.0.0.1:${port}`,
  asToken,
  hsToken,
  prefix: "_postfach_",
});
export async function planSite(): Promise<Site> {
  const port = await findFreePort();
  return {
    port,
    registration: buildRegistration({ name: SERVER }, appserviceOf(port), ["sample"]),
  };
}
