import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  makeAuthority,
  makeIdentity,
  makeMailbox,
  makeVhn,
  packPkcs12,
  startIntermediary,
  type Authority,
  type Intermediary,
  type KeyPem,
} from "../../fixtures/simulators/osci-intermediary/index.ts";
import type { Job, Variant } from "./reference.ts";

/** Of every PKCS#12 file. */
export const PIN = randomBytes(8).toString("hex");

/** Somebody who takes part: mailbox key and signature key, as files for any program. */
export interface Participant {
  readonly cipher: KeyPem;
  readonly signature: KeyPem;
  readonly safeId: string;
  readonly cipherFile: string;
  readonly properties: Readonly<Record<"cipher" | "signature" | "pin", string>>;
}

/** An intermediary and those who have a mailbox there. */
export interface Scene {
  readonly dir: string;
  readonly authority: Authority;
  readonly intermediary: Intermediary;
  readonly cipherFile: string;
  readonly signatureFile: string;
  join(name: string, kind?: "rsa3072" | "p256"): Promise<Participant>;
  job(who: Participant, variant: Variant): Job;
}

export async function openScene(dir: string): Promise<Scene> {
  mkdirSync(dir, { recursive: true });
  const keep = (name: string, content: string | Buffer) => {
    const file = join(dir, name);
    writeFileSync(file, content);
    return file;
  };
  const authority = await makeAuthority("Justiz VHN CA 2026", "Postfachbrücke Test");
  const manager = await makeIdentity({ cn: "OSCI-Manager", use: "cipher", kind: "rsa3072" });
  const signature = await makeIdentity({ cn: "OSCI-Manager", use: "signature", kind: "rsa3072" });
  const intermediary = await startIntermediary({
    cipher: manager,
    signature,
    trustedSigners: [authority.ca.certPem],
    stateDir: join(dir, "intermediary"),
  });
  const cipherFile = keep("intermediary.cipher.pem", manager.certPem);
  const signatureFile = keep("intermediary.signature.pem", signature.certPem);
  return {
    ...{ dir, authority, intermediary, cipherFile, signatureFile },
    async join(name, kind = "rsa3072") {
      const cipher = await makeMailbox(`Postfach ${name}`, { kind: "rsa3072" });
      const safeId = `DE.Test.${name}`;
      const vhn = await makeVhn("justice", safeId, authority, { kind });
      const properties = {
        cipher: keep(`${name}.cipher.p12`, packPkcs12(cipher, PIN)),
        signature:
          kind === "p256" ? packEc(dir, name, vhn) : keep(`${name}.p12`, packPkcs12(vhn, PIN)),
        pin: PIN,
      };
      const file = keep(`${name}.cipher.pem`, cipher.certPem);
      return { cipher, signature: vhn, safeId, cipherFile: file, properties };
    },
    job: ({ properties }, variant) => ({
      ...properties,
      variant,
      url: intermediary.url,
      "intermediary.cipher": cipherFile,
      "intermediary.signature": signatureFile,
    }),
  };
}

/** node-forge packs RSA keys only. */
function packEc(dir: string, name: string, { certPem, keyPem }: KeyPem): string {
  const [cert, key, out] = ["cert.pem", "key.pem", "p12"].map((end) => join(dir, `${name}.${end}`));
  if (!cert || !key || !out) throw new Error("no file names");
  writeFileSync(cert, certPem);
  writeFileSync(key, keyPem);
  const input = ["-in", cert, "-inkey", key, "-out", out];
  execFileSync("openssl", [
    "pkcs12",
    "-export",
    ...input,
    "-passout",
    `pass:${PIN}`,
    "-name",
    "key",
  ]);
  return out;
}

/** Contents in folders: documents by container, and files; for `documents` and `files` of a deposit. */
export function writeContents(
  dir: string,
  documents: Readonly<Record<string, Readonly<Record<string, string>>>>,
  files: Readonly<Record<string, Buffer>>,
): { documents: string; files: string } {
  const places = { documents: join(dir, "documents"), files: join(dir, "files") };
  for (const [container, entries] of Object.entries(documents)) {
    mkdirSync(join(places.documents, container), { recursive: true });
    for (const [id, text] of Object.entries(entries))
      writeFileSync(join(places.documents, container, id), text);
  }
  mkdirSync(places.files, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(places.files, name), bytes);
  return places;
}
