import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildMultipart } from "../../../fixtures/simulators/zbp/legacy-wire.ts";
import { openConnection } from "../../../fixtures/simulators/zbp/legacy-connection.ts";
import { letter, openStage } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

let stage: Stage;
let directory: string;
beforeAll(async () => {
  stage = await openStage();
  directory = await mkdtemp(path.join(tmpdir(), "zbp-openssl-"));
});
afterAll(async () => {
  await stage.close();
  await rm(directory, { recursive: true });
});

/** Another implementation than the one that verifies. */
async function signWithOpenssl(text: string): Promise<Buffer> {
  const key = path.join(directory, "key.pem");
  await writeFile(key, stage.city.keyPem, { mode: 0o600 });
  return execFileSync("openssl", ["dgst", "-sha512", "-sign", key, "-binary"], { input: text });
}

async function tokenByOpenssl(): Promise<string> {
  const iat = Math.floor(Date.now() / 1000);
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { iat, exp: iat + 1800, signer: stage.city.cn, roles: ["THIRD_PARTY"] };
  const signed = `${encode({ typ: "JWT", alg: "RS512" })}.${encode(claims)}`;
  return `${signed}.${(await signWithOpenssl(signed)).toString("base64url")}`;
}

describe("what openssl signed", () => {
  it("is accepted: umlauts, quotes, emoji, slashes; one changed character is not", async () => {
    const { level, ...fields } = letter;
    const reference = 'openssl: „ä/\\"🙂\u2028“';
    const content = JSON.stringify({ ...fields, stork_qaa_level: level, reference });
    const sha512sum = (await signWithOpenssl(content)).toString("base64");
    const token = await tokenByOpenssl();
    const connection = openConnection({
      baseUrl: stage.simulator.url,
      caPem: stage.pki.ca.certPem,
      identity: stage.city,
    });
    const send = async (text: string) => {
      const { contentType, body } = buildMultipart(
        JSON.stringify({ content: text, sha512sum }),
        [],
      );
      const headers = { Authorization: `Bearer ${token}`, "Content-Type": contentType };
      return connection.call({ method: "PUT", path: "/v6/mailbox/messages", headers, body });
    };
    expect((await send(content)).status).toBe(200);
    expect(stage.simulator.countByReference(reference)).toBe(1);
    const changed = await send(content.replace("Antrag", "Auftrag"));
    expect([changed.status, changed.json]).toMatchObject([403, { code: "SIGNATURE" }]);
    connection.close();
  });

  it("fits the certificates: openssl follows the chain and opens the PKCS#12", async () => {
    const file = async (name: string, content: string | Buffer) => {
      const target = path.join(directory, name);
      await writeFile(target, content, { mode: 0o600 });
      return target;
    };
    const ca = await file("ca.pem", stage.pki.ca.certPem);
    const cert = await file("cert.pem", stage.city.certPem);
    const verified = execFileSync("openssl", ["verify", "-x509_strict", "-CAfile", ca, cert]);
    expect(verified.toString()).toContain("OK");
    const p12 = await file("city.p12", stage.city.toPkcs12("geheim"));
    const args = ["pkcs12", "-in", p12, "-passin", "pass:geheim", "-nodes", "-nokeys", "-clcerts"];
    expect(execFileSync("openssl", args).toString()).toContain("Stadt Beispielhausen");
  });
});
