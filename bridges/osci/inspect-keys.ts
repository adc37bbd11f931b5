import { createPrivateKey, X509Certificate } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { GatewayError } from "../../src/model/errors.ts";
import { KeyRing, sameCertificate, type Identity } from "./wire/keys.ts";

/** What the operator vouches for: certificates by file name, and the private keys that belong to some of them. */
export interface KeyDirectory {
  readonly ring: KeyRing;
  /** File name of a certificate that is in the directory. */
  nameOf(certificate: X509Certificate): string | undefined;
  /** In the directory, or issued by an authority whose certificate is. */
  trusts(certificate: X509Certificate): boolean;
}

const certificateEnding = ".cert.pem";
const keyEnding = ".key.pem";
const maxFiles = 1000;

/** Reads pairs `<name>.cert.pem`, `<name>.key.pem`; a certificate may stand alone. Throws SECRET_UNREADABLE. */
export async function readKeyDirectory(folder: string | undefined): Promise<KeyDirectory> {
  const files = folder === undefined ? [] : await listFiles(folder);
  const certificates = new Map<string, X509Certificate>();
  const identities: Identity[] = [];
  for (const file of files.filter((name) => name.endsWith(certificateEnding))) {
    const name = file.slice(0, -certificateEnding.length);
    const certificate = await readPem(folder ?? "", file, (pem) => new X509Certificate(pem));
    certificates.set(name, certificate);
    if (!files.includes(name + keyEnding)) continue;
    const privateKey = await readPem(folder ?? "", name + keyEnding, (pem) =>
      createPrivateKey(pem),
    );
    identities.push({ certificate, privateKey });
  }
  return directoryOf(certificates, identities);
}

function directoryOf(
  certificates: ReadonlyMap<string, X509Certificate>,
  identities: readonly Identity[],
): KeyDirectory {
  const nameOf = (wanted: X509Certificate): string | undefined =>
    [...certificates].find(([, certificate]) => sameCertificate(certificate, wanted))?.[0];
  const authorities = [...certificates.values()].filter(({ ca }) => ca);
  return {
    ring: new KeyRing(identities),
    nameOf,
    trusts: (certificate) =>
      nameOf(certificate) !== undefined ||
      authorities.some(
        (authority) =>
          certificate.checkIssued(authority) && certificate.verify(authority.publicKey),
      ),
  };
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const files = await readdir(folder);
    if (files.length > maxFiles)
      throw new GatewayError("SECRET_UNREADABLE", `more than ${maxFiles} files in ${folder}`);
    return files.sort();
  } catch (cause) {
    if (cause instanceof GatewayError) throw cause;
    throw new GatewayError("SECRET_UNREADABLE", `cannot read the folder ${folder}`, { cause });
  }
}

async function readPem<T>(folder: string, file: string, parse: (pem: Buffer) => T): Promise<T> {
  try {
    return parse(await readFile(path.join(folder, file)));
  } catch (cause) {
    throw new GatewayError("SECRET_UNREADABLE", `cannot read ${file}`, { cause });
  }
}
