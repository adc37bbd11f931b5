import { constants } from "node:crypto";
import { createSecureContext } from "node:tls";
import { describe, expect, it } from "vitest";
import { CRYPTO, requireHash, TLS_OPTIONS } from "../../../src/guard/crypto.ts";

describe("the crypto preset", () => {
  it("names its sources", () =>
    expect(CRYPTO.documents.map(({ id }) => id)).toEqual([
      "BSI TR-02102-1",
      "BSI TR-02102-2",
      "BSI TR-03116-4",
    ]));
  it("cannot be changed", () => {
    expect(Object.isFrozen(CRYPTO)).toBe(true);
    expect(
      Object.values(CRYPTO).filter((part) => typeof part === "object" && !Object.isFrozen(part)),
    ).toEqual([]);
  });
  it("is understood by OpenSSL", () =>
    expect(() => createSecureContext(TLS_OPTIONS)).not.toThrow());
  it("allows only forward secrecy and AEAD", () => {
    for (const suite of CRYPTO.tls.ciphers.split(":")) {
      expect(suite).toMatch(/^(TLS_AES|ECDHE-)/);
      expect(suite).toMatch(/GCM|CCM/);
    }
    expect(CRYPTO.tls.minVersion).toBe("TLSv1.2");
  });
  it.each(["md5", "sha1", "SHA-1", "ripemd160"])("refuses the hash %s", (name) =>
    expect(() => requireHash(name)).toThrow(RangeError),
  );
  it("takes SHA-512", () => expect(requireHash("SHA512")).toBe("sha512"));
  it("has a MAC of at least 96 bits", () => expect(CRYPTO.macBytes * 8).toBeGreaterThanOrEqual(96));
  it("runs on an OpenSSL that knows the options we set", () =>
    expect(constants.SSL_OP_NO_TICKET & constants.SSL_OP_NO_RENEGOTIATION).toBe(0));
});
