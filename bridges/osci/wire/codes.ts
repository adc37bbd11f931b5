/**
 * What an answer means: 0 = done, 3 = done with a remark, 9 = not done (facts §2.8). Texts in our own words, for
 * operators; what the peer wrote itself stands beside them.
 */
export const CODES: Readonly<Record<string, string>> = Object.freeze({
  "0800": "done, the dialog is closed",
  "0801": "done, the dialog stays open",
  "3500": "the client's cipher certificate is outside its validity",
  "3501": "the check of the client's cipher certificate is incomplete",
  "3700": "the client's signature certificate is outside its validity",
  "3701": "an author's signature certificate is outside its validity",
  "3702": "an author's signature certificate has a wrong issuer signature",
  "3703": "an author's signature certificate is revoked",
  "3704": "an author's cipher certificate is outside its validity",
  "3705": "the addressee's cipher certificate is outside its validity",
  "3706": "a reader's cipher certificate is outside its validity",
  "3707": "a certificate check could not be completed",
  "3708": "the addressee's signature certificate is outside its validity",
  "3800": "more deliveries are waiting",
  "3801": "more process cards exist",
  "3802": "the recipient's answer is not signed",
  "3803": "the recipient's answer is not encrypted",
  "3950": "the feedback on the whole chunked message is present",
  "3951": "the longest waiting time for a chunk was exceeded",
  "3952": "the chunked message is still being processed",
  "9000": "internal error of the other side",
  "9100": "not a valid OSCI message",
  "9200": "no private key for the cipher certificate that was used",
  "9201": "the cipher certificate that was used is revoked",
  "9202": "the data cannot be decrypted",
  "9300": "the decrypted data is no valid order",
  "9400": "ConversationId, SequenceNumber or Response is wrong",
  "9500": "the client's cipher certificate is missing",
  "9501": "the client's cipher certificate has a wrong issuer signature",
  "9502": "the client's cipher certificate is revoked",
  "9503": "internal error while checking the client's cipher certificate",
  "9600": "the order must be signed and is not",
  "9601": "the signature is wrong",
  "9602": "not all parts that must be signed are signed",
  "9603": "internal error while checking the signature",
  "9700": "the client's signature certificate has a wrong issuer signature",
  "9701": "the client's signature certificate is revoked",
  "9704": "an author's cipher certificate has a wrong issuer signature",
  "9705": "an author's cipher certificate is revoked",
  "9706": "the addressee's cipher certificate has a wrong issuer signature",
  "9707": "the addressee's cipher certificate is revoked",
  "9708": "a reader's cipher certificate has a wrong issuer signature",
  "9709": "a reader's cipher certificate is revoked",
  "9710": "internal error while checking certificates",
  "9711": "the addressee's signature certificate has a wrong issuer signature",
  "9712": "the addressee's signature certificate is revoked",
  "9800": "a delivery without message id is refused",
  "9801": "the message id is not allowed or was used before",
  "9802": "an explicit dialog is required",
  "9803": "no delivery matches",
  "9804": "no process card matches",
  "9805": "the recipient refused",
  "9806": "the recipient accepted and returned nothing",
  "9807": "the signature of the recipient's answer is wrong",
  "9808": "internal error of the recipient",
  "9809": "intermediary error, the recipient was not reached",
  "9810": "intermediary error, the recipient was reached",
  "9811": "the supplier could not execute the order",
  "9900": "a chunk came twice",
  "9901": "a chunk has a wrong number",
  "9902": "a chunk is too big",
  "9903": "a chunk is too small",
  "9904": "the chunked message is too big",
  "9905": "the chunk information is wrong",
});

/** done: took effect. remarked: took effect, and something is to be said. refused: took no effect. */
export type Outcome = "done" | "remarked" | "refused";

const outcomes: ReadonlyMap<string, Outcome> = new Map([
  ["0", "done"],
  ["3", "remarked"],
  ["9", "refused"],
]);

/** Of a code by its first digit; undefined for one that is none. */
export function outcomeOf(code: string): Outcome | undefined {
  return /^\d{4}$/.test(code) ? outcomes.get(code.charAt(0)) : undefined;
}

export function meaningOf(code: string): string {
  return Object.hasOwn(CODES, code) ? (CODES[code] ?? code) : `code ${code}, not known here`;
}
