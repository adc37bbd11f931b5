/**
 * Seals what is kept at rest. `context` binds a sealed value to its place (table and row): moved elsewhere it does not
 * open. AES-256-GCM; the id of the key stands in front of the sealed bytes. Implemented in sealer.ts.
 */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Uint8Array;
  /** Throws KEY_MISMATCH when the key is not configured or the value was changed or moved. */
  open(sealed: Uint8Array, context: string): Uint8Array;
  /** 32 bytes by HKDF-SHA-256 from the FIRST-EVER key (kept stable over rotation by the fact `derivation-key`). */
  derive(purpose: string): Uint8Array;
}
