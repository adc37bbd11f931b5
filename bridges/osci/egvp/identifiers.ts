import { digestOf } from "../../../src/model/id.ts";

/**
 * The same letter and purpose give the same id for ever, so that every attempt at a letter writes the same bytes.
 * UUIDv8 (RFC 9562 §5.8) over a SHA-256.
 */
export function deriveUuid(letterId: string, purpose: string): string {
  const hex = digestOf("egvp", purpose, letterId);
  const variant = (Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8;
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant.toString(16)}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
