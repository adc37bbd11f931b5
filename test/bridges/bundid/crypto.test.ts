import { createHmac } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { loadIdentity, parseCertificate } from "../../../bridges/bundid/keys.ts";
import type { Identity } from "../../../bridges/bundid/keys.ts";
import { BUILT_IN } from "../../../bridges/bundid/profile.ts";
import { createRouting } from "../../../bridges/bundid/routing.ts";
import { signContent, verifyContent, wrapSigned } from "../../../bridges/bundid/signature.ts";
import {
  bearer,
  createToken,
  expiryOf,
  TokenError,
  verifyToken,
} from "../../../bridges/bundid/token.ts";
import { testPassword } from "../../../fixtures/simulators/pki/index.ts";
import { Secret, SettingsFile } from "../../../src/bridge/settings.ts";
import { GatewayError } from "../../../src/model/errors.ts";
import { newId } from "../../../src/model/id.ts";
import { makeKeys } from "./bench.ts";
import type { Keys } from "./bench.ts";

let keys: Keys;
let identity: Identity;
let other: Identity;
const file = (name: string) => {
  const made = new SettingsFile(`file:${name}`);
  made.load(keys.folder);
  return made;
};
const secretFile = (name: string) => {
  const made = new Secret(`file:${name}`);
  made.load(keys.folder, {});
  return made;
};
beforeAll(async () => {
  keys = await makeKeys();
  identity = loadIdentity(
    { certificate: file("gateway.crt.pem"), key: secretFile("gateway.key.pem") },
    "test",
  );
  other = loadIdentity(
    { certificate: file("legacy.crt.pem"), key: secretFile("legacy.key.pem") },
    "test",
  );
});
afterAll(() => keys.remove());

describe("keys", () => {
  it("are read from PEM and from PKCS#12 alike", async () => {
    await writeFile(path.join(keys.folder, "pin"), testPassword);
    const packed = loadIdentity({ pkcs12: file("gateway.p12"), pin: secretFile("pin") }, "test");
    expect(packed.cn).toBe(identity.cn);
    expect(packed.certificate.raw.equals(identity.certificate.raw)).toBe(true);
    expect(packed.key.equals(identity.key)).toBe(true);
    expect(packed.certPem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  });
  it.each([
    ["a key of another certificate", "gateway.crt.pem", "legacy.key.pem", "does not belong"],
    [
      "a certificate that is none",
      "gateway.key.pem",
      "gateway.key.pem",
      "certificate cannot be read",
    ],
    ["a key that is none", "gateway.crt.pem", "gateway.crt.pem", "private key cannot be read"],
  ])("refuses %s", (_what, certificate, key, message) => {
    const load = () =>
      loadIdentity({ certificate: file(certificate), key: secretFile(key) }, "sender");
    expect(load).toThrow(GatewayError);
    expect(load).toThrow(message);
  });
  it("refuses a PKCS#12 file with another PIN, and does not say the PIN", async () => {
    await writeFile(path.join(keys.folder, "pin2"), "falsche-geheimzahl");
    const load = () =>
      loadIdentity({ pkcs12: file("gateway.p12"), pin: secretFile("pin2") }, "sender");
    expect(load).toThrow(/PKCS#12/);
    expect(load).not.toThrow(/falsche/);
  });
});

describe("content signature", () => {
  const { algorithm } = BUILT_IN.signature;
  it.each([
    "einfach",
    '{"title":"Größe & Straße – „Anführung“"}',
    '{"title":"Quote \\" und Backslash \\\\ und Slash /"}',
    "🏛️ Emoji 👩‍👩‍👧 und \u2028 Zeilentrenner",
    "",
    "ä".repeat(100_000),
  ])("holds over exactly these bytes: %.30s", (content) => {
    const signature = signContent(content, identity.key, algorithm);
    const { publicKey } = identity.certificate;
    expect(verifyContent(content, signature, publicKey, algorithm)).toBe(true);
    expect(verifyContent(`${content} `, signature, publicKey, algorithm)).toBe(false);
    expect(verifyContent(content.normalize("NFD") + "x", signature, publicKey, algorithm)).toBe(
      false,
    );
    expect(verifyContent(content, signature, other.certificate.publicKey, algorithm)).toBe(false);
  });
  it.each([
    [
      "base64url",
      (text: string) => text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
    ],
    ["a line end", (text: string) => `${text}\n`],
    ["nothing", () => ""],
    ["hex", (text: string) => Buffer.from(text, "base64").toString("hex")],
  ])("is refused in another spelling: %s", (_what, respell) => {
    const spelled = respell(signContent("x", identity.key, algorithm));
    expect(verifyContent("x", spelled, identity.certificate.publicKey, algorithm)).toBe(false);
  });
  it("is over the embedded string, not over its JSON spelling", () => {
    const wrapped = JSON.parse(wrapSigned('{"a":"/ü"}', identity.key, BUILT_IN)) as Record<
      string,
      string
    >;
    expect(wrapped["content"]).toBe('{"a":"/ü"}');
    expect(
      verifyContent(
        wrapped["content"] ?? "",
        wrapped["sha512sum"] ?? "",
        identity.certificate.publicKey,
        algorithm,
      ),
    ).toBe(true);
  });
});

describe("token", () => {
  const now = new Date("2026-11-21T10:00:00.900Z");
  const seconds = 1_795_255_200;
  const check = (header: string | undefined, at = now, cn = identity.cn) =>
    verifyToken(header, { cn, publicKey: identity.certificate.publicKey }, BUILT_IN, at);
  const faultOf = async (header: string | undefined, at = now, cn = identity.cn) => {
    const error = await check(header, at, cn).catch((caught: unknown) => caught);
    return error instanceof TokenError ? error.fault : error;
  };
  const made = (claims: Record<string, unknown>, header: Record<string, unknown> = {}) =>
    new SignJWT({
      iat: seconds,
      exp: seconds + 1800,
      signer: identity.cn,
      roles: ["THIRD_PARTY"],
      ...claims,
    })
      .setProtectedHeader({ alg: "RS512", typ: "JWT", ...header })
      .sign(identity.key)
      .then((token) => `Bearer ${token}`);

  it("says what it must and lives 30 minutes", async () => {
    const token = await createToken(identity, BUILT_IN, now);
    const [header, payload] = token
      .split(".")
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()) as unknown);
    expect(header).toEqual({ alg: "RS512", typ: "JWT" });
    expect(payload).toEqual({
      iat: seconds,
      exp: seconds + 1800,
      signer: identity.cn,
      roles: ["THIRD_PARTY"],
    });
    await expect(check(bearer(token, BUILT_IN))).resolves.toMatchObject({
      expiresAt: new Date((seconds + 1800) * 1000),
    });
  });
  it("can be dated back", async () => {
    const token = await createToken(identity, BUILT_IN, now, -60);
    expect(expiryOf(bearer(token, BUILT_IN))).toEqual(new Date((seconds + 1740) * 1000));
  });
  it("is good up to its end and the tolerated skew, and no longer", async () => {
    const header = await made({});
    const after = (s: number) => new Date((seconds + 1800 + s) * 1000);
    await expect(check(header, after(59))).resolves.toBeDefined();
    expect(await faultOf(header, after(60))).toBe("TOKEN_EXPIRED");
  });
  it.each([
    [undefined, "TOKEN_MISSING"],
    ["", "TOKEN_MISSING"],
    ["Basic abc", "TOKEN_MISSING"],
    ["Bearer abc", "TOKEN_FORMAT"],
    [`Bearer ${"a".repeat(9_000)}`, "TOKEN_FORMAT"],
  ])("is refused: %s", async (header, fault) => expect(await faultOf(header)).toBe(fault));
  it.each([
    ["another signer", { signer: "Fremdes Amt" }, {}, "TOKEN_CLAIM"],
    ["no signer", { signer: undefined }, {}, "TOKEN_CLAIM"],
    ["no roles", { roles: undefined }, {}, "TOKEN_CLAIM"],
    ["other roles", { roles: ["USER"] }, {}, "TOKEN_CLAIM"],
    ["roles as a text", { roles: "THIRD_PARTY" }, {}, "TOKEN_CLAIM"],
    ["a long life", { exp: seconds + 1801 }, {}, "TOKEN_LIFETIME"],
    ["an end before its beginning", { iat: seconds + 30, exp: seconds + 20 }, {}, "TOKEN_LIFETIME"],
    [
      "a beginning in the future",
      { iat: seconds + 100, exp: seconds + 1000 },
      {},
      "TOKEN_NOT_YET_VALID",
    ],
    ["nbf in the future", { nbf: seconds + 100 }, {}, "TOKEN_NOT_YET_VALID"],
    ["no end", { exp: undefined }, {}, "TOKEN_CLAIM"],
    ["another type", {}, { typ: "at+jwt" }, "TOKEN_CLAIM"],
    ["another algorithm", {}, { alg: "RS256" }, "TOKEN_FORMAT"],
  ])("is refused with %s", async (_what, claims, header, fault) =>
    expect(await faultOf(await made(claims, header))).toBe(fault),
  );
  it("is refused when somebody else signed it, or nobody, or with the public key as secret", async () => {
    expect(
      await faultOf(
        bearer(await createToken({ cn: identity.cn, key: other.key }, BUILT_IN, now), BUILT_IN),
      ),
    ).toBe("TOKEN_SIGNATURE");
    const [, payload = ""] = (await made({})).split(".");
    const none = Buffer.from('{"alg":"none","typ":"JWT"}').toString("base64url");
    expect(await faultOf(`Bearer ${none}.${payload}.`)).toBe("TOKEN_FORMAT");
    const hs = Buffer.from('{"alg":"HS512","typ":"JWT"}').toString("base64url");
    const mac = createHmac("sha512", identity.certPem)
      .update(`${hs}.${payload}`)
      .digest("base64url");
    expect(await faultOf(`Bearer ${hs}.${payload}.${mac}`)).toBe("TOKEN_FORMAT");
  });
});

describe("routing", () => {
  const routing = createRouting(Buffer.alloc(32, 1), "ack+");
  const foreign = createRouting(Buffer.alloc(32, 2), "ack+");
  const id = newId();
  it("comes back", () => {
    expect(routing.readRoutingInfo(routing.routingInfo(id))).toBe(id);
    expect(routing.readLocalPart(routing.localPart(id))).toBe(id);
    expect(routing.readLocalPart(routing.localPart(id).toUpperCase())).toBe(id);
  });
  it("fits into a mail address and says nothing", () => {
    expect(routing.localPart(id).length).toBeLessThanOrEqual(64);
    expect(routing.localPart(id)).toMatch(/^ack\+[0-9a-f]{32}\.[a-z2-7]{26}$/);
    expect(routing.routingInfo(id)).toMatch(/^mxgw1\.[0-9a-f-]{36}\.[A-Za-z0-9_-]{22}$/);
  });
  it.each([
    ["another tenant's", () => foreign.routingInfo(id)],
    ["another id", () => routing.routingInfo(id).replace(id, newId())],
    ["a cut MAC", () => routing.routingInfo(id).slice(0, -1)],
    ["more behind it", () => `${routing.routingInfo(id)}.x`],
    ["another version", () => routing.routingInfo(id).replace("mxgw1", "mxgw2")],
    ["nothing", () => ""],
    ["the MAC of the mail address", () => `mxgw1.${id}.${routing.localPart(id).split(".")[1]}`],
  ])("is refused: %s", (_what, make) => expect(routing.readRoutingInfo(make())).toBeUndefined());
  it.each([
    ["another tenant's", () => foreign.localPart(id)],
    [
      "another id",
      () => routing.localPart(id).replace(id.replaceAll("-", ""), newId().replaceAll("-", "")),
    ],
    ["no prefix", () => routing.localPart(id).slice(4)],
    [
      "the MAC of the routing information",
      () => `ack+${id.replaceAll("-", "")}.${routing.routingInfo(id).split(".")[2]}`,
    ],
    ["nothing", () => ""],
  ])("address is refused: %s", (_what, make) =>
    expect(routing.readLocalPart(make())).toBeUndefined(),
  );
});

it("a certificate that cannot be read is named by its purpose", () =>
  expect(() => parseCertificate("x", "inlet sender bauamt")).toThrow(/inlet sender bauamt/));
