/** Everything in fixtures/hostile ends in a refusal with its code: signatures here, large documents in little memory. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "vitest";
import { HOSTILE_DOCUMENTS } from "../../../fixtures/hostile/documents.ts";
import { wrappingShapes } from "../../../fixtures/hostile/wrapping.ts";
import { wrapSigned } from "../../../fixtures/simulators/fink-metadata/index.ts";
import { entityOf, makePeople, NW, read, signed, TH, type People } from "./federation-support.ts";

let people: People;
let good: string;
beforeAll(async () => {
  people = await makePeople();
  good = signed(people, [entityOf(people)]);
});
const refused = (text: string | Buffer, code: string) =>
  expect(read(people, text)).rejects.toMatchObject({ name: "GatewayError", code });

test("the document that all shapes are made from is good", async () => {
  expect([...(await read(people, good)).entities.keys()]).toEqual([TH]);
});

test("there are enough shapes, and every one is another", () => {
  const shapes = wrappingShapes(good);
  expect(shapes.length).toBeGreaterThan(60);
  expect(new Set(shapes.map(({ text }) => text)).size).toBe(shapes.length);
  expect(shapes.every(({ text }) => text !== good)).toBe(true);
});

test("every shape of signature wrapping is refused", async () => {
  const wrong: string[] = [];
  for (const { name, code, text } of wrappingShapes(good)) {
    const got = await read(people, text).then(
      () => "taken",
      (error: unknown) => (error as { code?: string }).code,
    );
    if (got !== code) wrong.push(`${name}: ${String(got)} instead of ${code}`);
  }
  expect(wrong).toEqual([]);
});

test("the wrapped manner of the simulator is refused", () =>
  refused(wrapSigned(good), "SIGNATURE_INVALID"));

describe("signed by the federation itself, and still not taken", () => {
  test("an entity that stands there twice", () =>
    refused(signed(people, [entityOf(people), entityOf(people)]), "INPUT_HOSTILE"));

  test("an id that occurs twice", () => {
    const extensions = `<x xmlns="urn:x" Id="a"/><x xmlns="urn:x" ID="a"/>`;
    return refused(signed(people, [entityOf(people, { extensions })]), "INPUT_HOSTILE");
  });

  test("a signature within an entity", () => {
    const extensions = `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"/>`;
    return refused(signed(people, [entityOf(people, { extensions })]), "SIGNATURE_INVALID");
  });

  test("a list that has expired, or does not say when it does", async () => {
    const past = new Date(Date.now() - 3_600_000);
    await refused(signed(people, [entityOf(people)], { validUntil: past }), "METADATA_EXPIRED");
    const now = new Date(Date.now() + 8 * 86_400_000);
    await expect(read(people, good, { now })).rejects.toMatchObject({ code: "METADATA_EXPIRED" });
  });
});

describe("one broken entity does not silence the others", () => {
  const other = () => entityOf(people, { entityId: NW, name: "Nordrhein-Westfalen" });
  const px = 'xmlns:px="urn:example:mxgw:pfisk:1"';
  test.each([
    ["an endpoint without https", { mailbox: { endpoint: "http://as4.th.example" } }],
    ["an endpoint with a password", { mailbox: { endpoint: "https://a:b@as4.th.example" } }],
    ["an endpoint that is none", { mailbox: { endpoint: "javascript:alert(1)" } }],
    ["a level that does not exist", { mailbox: { endpoint: "https://x.example", maxLevel: 5 } }],
    ["a broken certificate", { keys: [{ certPem: "AAAA" }] }],
    ["a certificate that is no base64", { keys: [{ certPem: "%%%%" }] }],
    [
      "two mailbox nodes",
      {
        extensions: `<px:Postfach ${px}><px:Endpoint>https://evil.example</px:Endpoint></px:Postfach>`,
      },
    ],
    [
      "a use that does not exist",
      {
        mailbox: undefined,
        extensions: `<px:Postfach ${px}><px:Endpoint>https://x.example</px:Endpoint><px:KeyInfoRef use="both"/></px:Postfach>`,
      },
    ],
  ])("%s", async (_name, change) => {
    const entity = { ...entityOf(people), ...change } as ReturnType<typeof entityOf>;
    const { entities } = await read(people, signed(people, [entity, other()]));
    expect(entities.get(TH)?.faults).toHaveLength(1);
    expect(entities.get(NW)?.faults).toEqual([]);
    expect(entities.get(NW)?.mailbox?.endpoint).toBe("https://as4.th.example/msh");
  });
});

describe("hostile documents", () => {
  test("there are enough of them", () => expect(HOSTILE_DOCUMENTS.length).toBeGreaterThan(40));

  test("each is refused with its code, in a process with 256 MB of heap", async () => {
    const script = fileURLToPath(new URL("federation-hostile-child.ts", import.meta.url));
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--max-old-space-size=256", script],
      { timeout: 25_000 },
    );
    const results = JSON.parse(stdout) as { name: string; got: string }[];
    expect(results).toEqual(HOSTILE_DOCUMENTS.map(({ name, code }) => ({ name, got: code })));
  });
});
