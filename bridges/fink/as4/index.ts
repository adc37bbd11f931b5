/**
 * The FINK mailbox service over an existing AS4 access point: its backend web service is spoken here, WS-Security and
 * ebMS signalling are its business. What the closed profile fixes stands in profiles/pfisk-as4.yaml.
 */
export type { AccessPointParty, As4Context, As4Parts, As4Transport } from "./contract.ts";
export type {
  AcknowledgementResult,
  DecodedPayload,
  IncomingEnvelope,
  IncomingPayload,
  Mailbox,
  OutgoingPayload,
  PayloadCodec,
  PayloadFile,
} from "./payload.ts";
export { as4ProfileFor, parseAs4Profile } from "./profile.ts";
export type { As4Profile } from "./profile.ts";
export { as4Remotes, as4Settings } from "./settings.ts";
export type { As4Settings } from "./settings.ts";
export { isFromAccessPoint } from "./intake.ts";
export { createAs4Transport } from "./transport.ts";
