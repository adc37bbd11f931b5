import { constants, createHmac, generateKeyPairSync, sign, X509Certificate } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { createPki } from "../../../fixtures/simulators/pki/index.ts";
import type { Identity } from "../../../fixtures/simulators/pki/index.ts";
import { Refusal } from "../../../fixtures/simulators/zbp/refusal.ts";
import { verifyToken } from "../../../fixtures/simulators/zbp/token.ts";

const now = new Date("2026-03-01T12:00:00.000Z");
const seconds = now.getTime() / 1000;
const life = {
  validFrom: new Date("2026-01-01T00:00:00Z"),
  validTo: new Date("2026-12-31T00:00:00Z"),
};
let city: Identity;
let successor: Identity;
let other: Identity;
beforeAll(async () => {
  const pki = await createPki();
  city = await pki.issue({ cn: "Stadt Köln, Bauamt", ...life });
  successor = await pki.issue({ cn: "Stadt Köln, Bauamt", ...life });
  other = await pki.issue({ cn: "Kreis Musterland", ...life });
});

const header = { typ: "JWT", alg: "RS512" };
const claims = (change: object = {}) => ({
  ...{ iat: seconds, exp: seconds + 1800, signer: city.cn, roles: ["THIRD_PARTY"] },
  ...change,
});
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function token(body: object = claims(), head: object = header, key = city.keyPem): string {
  const signed = `${encode(head)}.${encode(body)}`;
  return `${signed}.${sign("sha512", Buffer.from(signed), key).toString("base64url")}`;
}

/** The signer, or the code of the refusal. */
function judge(authorization: string | undefined, at = now): string {
  const known = [city, successor, other];
  const certificatesOf = (cn: string) =>
    known.filter((one) => one.cn === cn).map(({ certPem }) => new X509Certificate(certPem));
  try {
    return verifyToken(authorization, certificatesOf, at);
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) return error.code;
    throw error;
  }
}
const judgeWith = (change: object) => judge(`Bearer ${token(claims(change))}`);
const later = (s: number) => new Date(now.getTime() + s * 1000);

describe("the token of a sender", () => {
  it("names its signer, by any of its registered certificates", () => {
    expect(judge(`Bearer ${token()}`)).toBe("Stadt Köln, Bauamt");
    expect(judge(`bearer ${token()}`)).toBe("Stadt Köln, Bauamt");
    expect(judge(`Bearer ${token(claims(), header, successor.keyPem)}`)).toBe("Stadt Köln, Bauamt");
  });

  it("lives until its exp and a minute, and not a second longer", () => {
    expect(judge(`Bearer ${token()}`, later(1860))).toBe(city.cn);
    expect(judge(`Bearer ${token()}`, later(1861))).toBe("TOKEN_EXPIRED");
    expect(judge(`Bearer ${token()}`, later(-60))).toBe(city.cn);
    expect(judge(`Bearer ${token()}`, later(-61))).toBe("TOKEN_NOT_YET_VALID");
    expect(judgeWith({ exp: seconds + 1801 })).toBe("TOKEN_LIFETIME");
    expect(judgeWith({ nbf: seconds + 61 })).toBe("TOKEN_NOT_YET_VALID");
  });

  const wrongClaims: readonly (readonly [object, string])[] = [
    [{ iat: undefined }, "TOKEN_CLAIM"],
    [{ exp: undefined }, "TOKEN_CLAIM"],
    [{ exp: seconds }, "TOKEN_CLAIM"],
    [{ iat: seconds + 0.5 }, "TOKEN_CLAIM"],
    [{ iat: String(seconds) }, "TOKEN_CLAIM"],
    [{ iat: seconds * 1000, exp: seconds * 1000 + 1800 }, "TOKEN_NOT_YET_VALID"],
    [{ roles: undefined }, "TOKEN_CLAIM"],
    [{ roles: "THIRD_PARTY" }, "TOKEN_CLAIM"],
    [{ roles: ["ADMIN"] }, "TOKEN_CLAIM"],
    [{ signer: undefined }, "TOKEN_CLAIM"],
    [{ signer: ["Stadt Köln, Bauamt"] }, "TOKEN_CLAIM"],
    [{ signer: "stadt köln, bauamt" }, "SIGNER_UNKNOWN"],
    [{ signer: "Kreis Musterland" }, "TOKEN_SIGNATURE"],
  ];
  it.each(wrongClaims)("with %j is refused: %s", (change, code) => {
    expect(judgeWith(change)).toBe(code);
  });

  it("is RS512 and nothing else", () => {
    const signedWith = (alg: string, signature: (data: Buffer) => Buffer) => {
      const signed = `${encode({ typ: "JWT", alg })}.${encode(claims())}`;
      return `Bearer ${signed}.${signature(Buffer.from(signed)).toString("base64url")}`;
    };
    const pss = { key: city.keyPem, padding: constants.RSA_PKCS1_PSS_PADDING };
    const publicPem = new X509Certificate(city.certPem).publicKey.export({
      type: "spki",
      format: "pem",
    });
    expect(judge(signedWith("RS256", (data) => sign("sha256", data, city.keyPem)))).toBe(
      "TOKEN_HEADER",
    );
    expect(judge(signedWith("PS512", (data) => sign("sha512", data, pss)))).toBe("TOKEN_HEADER");
    expect(judge(signedWith("RS512", (data) => sign("sha512", data, pss)))).toBe("TOKEN_SIGNATURE");
    expect(judge(signedWith("RS512", (data) => sign("sha256", data, city.keyPem)))).toBe(
      "TOKEN_SIGNATURE",
    );
    const mac = (data: Buffer) => createHmac("sha512", publicPem).update(data).digest();
    expect(judge(signedWith("HS512", mac))).toBe("TOKEN_HEADER");
    expect(judge(signedWith("RS512", mac))).toBe("TOKEN_SIGNATURE");
    expect(judge(signedWith("none", () => Buffer.from("x")))).toBe("TOKEN_HEADER");
    expect(judge(`Bearer ${token(claims(), { alg: "RS512" })}`)).toBe("TOKEN_HEADER");
    expect(judge(`Bearer ${token(claims(), { ...header, crit: ["x"] })}`)).toBe("TOKEN_HEADER");
  });

  it("brings no key of its own", () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const jwk = publicKey.export({ format: "jwk" });
    const own = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    expect(judge(`Bearer ${token(claims(), { ...header, jwk }, own)}`)).toBe("TOKEN_SIGNATURE");
  });

  it("has one spelling", () => {
    const [head = "", body = "", proof = ""] = token().split(".");
    expect(judge(undefined)).toBe("TOKEN_MISSING");
    expect(judge(`Basic ${token()}`)).toBe("TOKEN_MISSING");
    expect(judge(`Bearer ${head}.${body}`)).toBe("TOKEN_FORMAT");
    expect(judge(`Bearer ${head}.${body}.`)).toBe("TOKEN_FORMAT");
    expect(judge(`Bearer ${head}.${body}.${proof}.x`)).toBe("TOKEN_FORMAT");
    expect(judge(`Bearer ${head}.${body}.${proof}==`)).toBe("TOKEN_FORMAT");
    const twice = Buffer.from(`{"alg":"none","typ":"JWT","alg":"RS512"}`).toString("base64url");
    expect(judge(`Bearer ${twice}.${body}.${proof}`)).toBe("TOKEN_FORMAT");
    expect(judge(`Bearer ${encode([])}.${body}.${proof}`)).toBe("TOKEN_FORMAT");
  });

  it("is not better than its certificate", () => {
    const afterlife = new Date("2027-01-01T00:00:00Z");
    const iat = afterlife.getTime() / 1000;
    expect(judge(`Bearer ${token(claims({ iat, exp: iat + 60 }))}`, afterlife)).toBe(
      "TOKEN_SIGNATURE",
    );
  });
});
