import type { KeyObject } from "node:crypto";
import { errors, jwtVerify, SignJWT } from "jose";
import type { JWTPayload } from "jose";
import type { Profile } from "./profile.ts";

/**
 * The token that a sender issues to itself (bundid-fink.md §1.3). Made at the moment of sending: it lives 30 minutes,
 * a letter may wait for days.
 */
export async function createToken(
  signer: { readonly cn: string; readonly key: KeyObject },
  profile: Profile,
  now: Date,
  offsetSeconds = 0,
): Promise<string> {
  const { jwt } = profile.auth;
  const issuedAt = Math.floor(now.getTime() / 1000) + offsetSeconds;
  return new SignJWT({ [jwt.signerClaim]: signer.cn, [jwt.rolesClaim]: jwt.roles })
    .setProtectedHeader({ alg: jwt.algorithm, typ: jwt.type })
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + jwt.lifetimeSeconds)
    .sign(signer.key);
}

/** The value of the header that carries the token. */
export function bearer(token: string, profile: Profile): string {
  return `${profile.auth.scheme} ${token}`;
}

export type TokenFault =
  | "TOKEN_MISSING"
  | "TOKEN_FORMAT"
  | "TOKEN_SIGNATURE"
  | "TOKEN_CLAIM"
  | "TOKEN_LIFETIME"
  | "TOKEN_EXPIRED"
  | "TOKEN_NOT_YET_VALID";

export class TokenError extends Error {
  override readonly name = "TokenError";
  readonly fault: TokenFault;
  constructor(fault: TokenFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.fault = fault;
  }
}

const MAX_TOKEN_CHARACTERS = 8_000;

export interface TokenFacts {
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/**
 * Verifies a sender's token with its certificate: algorithm, type, signature, times, signer, roles.
 * @throws TokenError
 */
export async function verifyToken(
  header: string | undefined,
  expected: { readonly cn: string; readonly publicKey: KeyObject },
  profile: Profile,
  now: Date,
): Promise<TokenFacts> {
  const { jwt, scheme } = profile.auth;
  const [found = "", token = ""] = (header ?? "").split(/ +/, 2);
  if (found.toLowerCase() !== scheme.toLowerCase() || token === "")
    throw new TokenError("TOKEN_MISSING", `a ${scheme} token is required`);
  if (token.length > MAX_TOKEN_CHARACTERS)
    throw new TokenError("TOKEN_FORMAT", `longer than ${MAX_TOKEN_CHARACTERS} characters`);
  const { payload } = await jwtVerify(token, expected.publicKey, {
    algorithms: [jwt.algorithm],
    typ: jwt.type,
    clockTolerance: jwt.skewSeconds,
    currentDate: now,
    requiredClaims: ["iat", "exp", jwt.signerClaim, jwt.rolesClaim],
  }).catch((cause: unknown) => {
    throw asTokenError(cause);
  });
  return checkClaims(payload, expected.cn, profile, now);
}

function checkClaims(
  payload: JWTPayload,
  signer: string,
  { auth: { jwt } }: Profile,
  now: Date,
): TokenFacts {
  const { iat = 0, exp = 0 } = payload;
  if (exp - iat > jwt.lifetimeSeconds || exp <= iat)
    throw new TokenError("TOKEN_LIFETIME", `may live at most ${jwt.lifetimeSeconds} seconds`);
  if (iat > now.getTime() / 1000 + jwt.skewSeconds)
    throw new TokenError("TOKEN_NOT_YET_VALID", "iat lies in the future");
  if (payload[jwt.signerClaim] !== signer)
    throw new TokenError("TOKEN_CLAIM", `${jwt.signerClaim} is not the CN of the certificate`);
  const roles: unknown = payload[jwt.rolesClaim];
  if (!Array.isArray(roles) || !jwt.roles.every((role) => roles.includes(role)))
    throw new TokenError("TOKEN_CLAIM", `${jwt.rolesClaim} must contain ${jwt.roles.join(", ")}`);
  return { issuedAt: new Date(iat * 1000), expiresAt: new Date(exp * 1000) };
}

function asTokenError(cause: unknown): TokenError {
  if (cause instanceof errors.JWTExpired)
    return new TokenError("TOKEN_EXPIRED", "the token has expired", cause);
  if (cause instanceof errors.JWSSignatureVerificationFailed)
    return new TokenError("TOKEN_SIGNATURE", "not signed with the key of the certificate", cause);
  if (cause instanceof errors.JWTClaimValidationFailed) {
    const early = cause.claim === "nbf";
    const message = `claim ${cause.claim}: ${cause.reason}`;
    return new TokenError(early ? "TOKEN_NOT_YET_VALID" : "TOKEN_CLAIM", message, cause);
  }
  return new TokenError("TOKEN_FORMAT", "not a token of the required form", cause);
}

/** When the token in this header value runs out, without verifying it: it was verified when the letter came in. */
export function expiryOf(header: string): Date | undefined {
  const payload = header.split(/ +/, 2)[1]?.split(".")[1];
  if (payload === undefined) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const exp: unknown =
      typeof claims === "object" && claims !== null && "exp" in claims && claims.exp;
    return typeof exp === "number" ? new Date(exp * 1000) : undefined;
  } catch {
    // Not a token: the other side will refuse it with its own words.
    return undefined;
  }
}
