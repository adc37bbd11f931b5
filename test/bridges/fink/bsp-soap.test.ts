import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { envelopeOf, HEADERS } from "../../../fixtures/simulators/postkorb/index.ts";
import { letters, makeKeys, openServerBench } from "./bench.ts";
import type { Keys, ServerBench } from "./bench.ts";

let keys: Keys;
let bench: ServerBench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
beforeEach(async () => void (bench = await openServerBench(keys)));
afterEach(() => bench.stop());

describe("the SOAP layer", () => {
  const good = () => envelopeOf("sendBspNachrichtNative", "bspNachricht", "x");
  const cases: readonly (readonly [string, string, object, number, string])[] = [
    [
      "SOAP 1.2",
      good().replace(
        "http://schemas.xmlsoap.org/soap/envelope/",
        "http://www.w3.org/2003/05/soap-envelope",
      ),
      {},
      500,
      "soap:VersionMismatch",
    ],
    [
      "its content type",
      good(),
      { headers: { ...HEADERS, "Content-Type": "application/soap+xml" } },
      500,
      "soap:VersionMismatch",
    ],
    [
      "another charset",
      good(),
      { headers: { ...HEADERS, "Content-Type": "text/xml; charset=iso-8859-1" } },
      415,
      "soap:Client",
    ],
    [
      "a compressed body",
      good(),
      { headers: { ...HEADERS, "Content-Encoding": "gzip" } },
      415,
      "soap:Client",
    ],
    [
      "no SOAPAction",
      good(),
      { headers: { "Content-Type": HEADERS["Content-Type"] } },
      500,
      "soap:Client",
    ],
    [
      "another SOAPAction",
      good(),
      { headers: { ...HEADERS, SOAPAction: '"urn:x"' } },
      500,
      "soap:Client",
    ],
    ["another path", good(), { path: "/" }, 404, "soap:Client"],
    ["another method", good(), { method: "PUT" }, 405, "soap:Client"],
    [
      "another operation",
      envelopeOf("deleteEverything", "bspNachricht", "x"),
      {},
      500,
      "soap:Client",
    ],
    [
      "a qualified child",
      envelopeOf("sendBspNachrichtNative", "urn:bspNachricht", "x").replace(
        "</urn:bspNachricht>",
        "</urn:bspNachricht>",
      ),
      {},
      500,
      "soap:Client",
    ],
    [
      "two children",
      good().replace("</bspNachricht>", "</bspNachricht><bspNachricht/>"),
      {},
      500,
      "soap:Client",
    ],
    [
      "a header that must be understood",
      good().replace(
        "<soapenv:Header/>",
        '<soapenv:Header><a soapenv:mustUnderstand="1"/></soapenv:Header>',
      ),
      {},
      500,
      "soap:MustUnderstand",
    ],
    [
      "a DOCTYPE",
      `<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>${good().replace(/<\?xml.*?\?>/, "")}`,
      {},
      500,
      "soap:Client",
    ],
    ["no XML", "PK", {}, 500, "soap:Client"],
    ["nothing", "", {}, 500, "soap:Client"],
    ["deep nesting", "<a>".repeat(100_000), {}, 500, "soap:Client"],
  ];
  it.for(cases)("refuses %s", async ([, body, more, status, faultCode]) => {
    const answer = await bench.authority.send(body, more);
    expect([answer.status, answer.faultCode]).toEqual([status, faultCode]);
    expect([letters(bench.state).length, bench.state.blobs.size]).toEqual([0, 0]);
  });
  it("takes no more than its limit", async () => {
    const answer = await bench.authority.send(Buffer.alloc(31_000_000, 32));
    expect(answer.status).toBe(413);
  });
});
