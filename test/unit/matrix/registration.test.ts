import { AppServiceRegistration } from "matrix-appservice-bridge";
import { describe, expect, it } from "vitest";
import { Secret } from "../../../src/bridge/settings.ts";
import { buildRegistration } from "../../../src/matrix/registration.ts";

function secretOf(value: string): Secret {
  const secret = new Secret("env:TOKEN");
  secret.load(".", { TOKEN: value });
  return secret;
}

const appservice = {
  id: "postfach-bridge",
  listen: { host: "127.0.0.1", port: 9009 },
  url: "http://127.0.0.1:9009",
  asToken: secretOf("as-secret"),
  hsToken: secretOf("hs-secret"),
  prefix: "_postfach_",
};

describe("registration", () => {
  const registration = buildRegistration({ name: "example.org" }, appservice, [
    "osci",
    "bundid",
    "osci",
  ]);

  it("carries everything that Synapse reads, once", () => {
    expect(registration).toMatchObject({
      id: "postfach-bridge",
      url: "http://127.0.0.1:9009",
      as_token: "as-secret",
      hs_token: "hs-secret",
      sender_localpart: "_postfach_bot",
      rate_limited: false,
      protocols: ["bundid", "osci"],
      receive_ephemeral: true,
      "de.sorunome.msc2409.push_ephemeral": true,
      "io.element.msc4190": true,
    });
  });

  it("claims its own names exclusively and nothing else", () => {
    const [users] = registration.namespaces.users;
    const regex = new RegExp(users?.regex ?? "");
    expect(users?.exclusive).toBe(true);
    expect(regex.test("@_postfach_bundid_x:example.org")).toBe(true);
    expect(regex.test("@_postfach_x:exampleXorg")).toBe(false);
    expect(regex.test("@erika_postfach_:example.org")).toBe(false);
    expect(registration.namespaces.rooms).toEqual([]);
  });

  it("is understood by the library", () => {
    const parsed = AppServiceRegistration.fromObject(JSON.parse(JSON.stringify(registration)));
    expect(parsed.isUserMatch("@_postfach_bundid_x:example.org", true)).toBe(true);
  });
});
