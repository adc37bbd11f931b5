/**
 * xmlsec1 as the independent judge: what it signs we accept, what our simulator signs it accepts, and what it refuses
 * we refuse. Skipped aloud where it cannot be had.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeFederation } from "../../../fixtures/simulators/fink-metadata/index.ts";
import { describeWith, useXmlsec } from "../../support/services/index.ts";
import {
  DAY_MS,
  entityOf,
  Folder,
  makePeople,
  NOW,
  read,
  signed,
  type People,
} from "./federation-support.ts";

const DS = "http://www.w3.org/2000/09/xmldsig#";
const ROOT = "urn:oasis:names:tc:SAML:2.0:metadata:EntitiesDescriptor";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";
const INCLUSIVE = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const MORE = "http://www.w3.org/2001/04/xmldsig-more#";
const ENC = "http://www.w3.org/2001/04/xmlenc#";
const PREFIXES = `<ec:InclusiveNamespaces xmlns:ec="${EXCLUSIVE}" PrefixList="md unused #default"/>`;

const xmlsec = await useXmlsec();
const folder = new Folder();
let people: People;
beforeAll(async () => {
  people = await makePeople();
  folder.write("office.pem", people.office.certPem);
  folder.write("office.key", people.office.keyPem);
  folder.write("ca.pem", people.office.caPem);
});
afterAll(() => folder.remove());

interface Form {
  readonly canonical: string;
  readonly method: string;
  readonly digest: string;
  readonly list?: string;
}

/** Metadata with an empty signature for xmlsec1 to fill; unused and default namespaces tell the canonical forms apart. */
function template({ canonical, method, digest, list = "" }: Form): string {
  const plain = writeFederation({
    id: "_sec",
    name: "urn:example:federation",
    validUntil: new Date(NOW.getTime() + DAY_MS),
    entities: [
      entityOf(people, {
        extensions: `<x:info xmlns:x="urn:x" b="2" a="&#9;&quot;&lt;ü" x:c='"'><!-- gone -->a &amp; b &gt; c&#13;<inner xmlns="urn:inner"/></x:info>`,
      }),
    ],
  });
  const c14n = (name: string) => `<ds:${name} Algorithm="${canonical}">${list}</ds:${name}>`;
  const signature = `<ds:Signature xmlns:ds="${DS}"><ds:SignedInfo>${c14n("CanonicalizationMethod")}
<ds:SignatureMethod Algorithm="${method}"/><ds:Reference URI="#_sec"><ds:Transforms><ds:Transform Algorithm="${DS}enveloped-signature"/>${c14n("Transform")}</ds:Transforms>
<ds:DigestMethod Algorithm="${digest}"/><ds:DigestValue/></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data><ds:X509Certificate/></ds:X509Data></ds:KeyInfo></ds:Signature>`;
  return plain
    .replace("<md:EntitiesDescriptor", '<md:EntitiesDescriptor xmlns:unused="urn:unused"')
    .replace(/(<md:EntitiesDescriptor[^>]*>)/, `$1${signature}`);
}

describeWith("held against xmlsec1", xmlsec, ({ run }) => {
  test.each<[string, Form]>([
    [
      "exclusive, RSA with SHA-256",
      { canonical: EXCLUSIVE, method: `${MORE}rsa-sha256`, digest: `${ENC}sha256` },
    ],
    [
      "exclusive, RSA with SHA-384",
      { canonical: EXCLUSIVE, method: `${MORE}rsa-sha384`, digest: `${MORE}sha384` },
    ],
    [
      "exclusive, RSA with SHA-512",
      { canonical: EXCLUSIVE, method: `${MORE}rsa-sha512`, digest: `${ENC}sha512` },
    ],
    [
      "exclusive with a prefix list",
      { canonical: EXCLUSIVE, method: `${MORE}rsa-sha256`, digest: `${ENC}sha256`, list: PREFIXES },
    ],
    ["inclusive", { canonical: INCLUSIVE, method: `${MORE}rsa-sha256`, digest: `${ENC}sha256` }],
  ])("accepts what xmlsec1 signs: %s", async (_name, form) => {
    const file = folder.write("template.xml", template(form));
    const text = await run(
      ...["--sign", "--privkey-pem", `${folder.path}/office.key,${folder.path}/office.pem`],
      ...[`--id-attr:ID`, ROOT, file],
    );
    const metadata = await read(people, text);
    expect(metadata.signed.method).toBe(form.method);
    expect([...metadata.entities.keys()]).toEqual([entityOf(people).entityId]);
    await expect(read(people, text.replace("a &amp; b", "a &amp; c"))).rejects.toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });

  test("refuses SHA-1 although xmlsec1 signs it well", async () => {
    const form = { canonical: EXCLUSIVE, method: `${DS}rsa-sha1`, digest: `${DS}sha1` };
    const file = folder.write("sha1.xml", template(form));
    const key = `${folder.path}/office.key`;
    const text = await run("--sign", "--privkey-pem", key, "--id-attr:ID", ROOT, file);
    await expect(read(people, text)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
  });

  const verify = (file: string) =>
    run("--verify", "--trusted-pem", `${folder.path}/ca.pem`, "--id-attr:ID", ROOT, file);

  test.each(["exclusive", "inclusive"] as const)(
    "xmlsec1 accepts what the simulator signs (%s), and not when it was changed",
    async (canonical) => {
      const text = signed(people, [entityOf(people)], { canonical });
      await read(people, text);
      await verify(folder.write("ours.xml", text));
      const changed = text.replace("https://as4.th.example", "https://as4.evil.example");
      await expect(verify(folder.write("changed.xml", changed))).rejects.toThrow();
      await expect(read(people, changed)).rejects.toMatchObject({ code: "SIGNATURE_INVALID" });
    },
  );
});
