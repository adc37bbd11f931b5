/** Markup as trees, and one full process card. */
import path from "node:path";
import { type ProcessCard } from "../../../bridges/osci/wire/process-card.ts";
import { readTime } from "../../../bridges/osci/wire/time.ts";
import { parseXml, type XmlElement } from "../../../src/guard/xml.ts";
import { FIXTURES, loadKeys } from "./support.ts";

export const keys = loadKeys(path.join(FIXTURES, "keys"));
export const osci = `xmlns:osci="http://www.osci.de/2002/04/osci"`;

/** Markup of this bridge as a tree of its own. */
export function parsed(markup: string): XmlElement {
  return parseXml(Buffer.from(markup.replace(/^<([\w:]+)/, `<$1 ${osci}`))).root;
}

export function within(markup: string): XmlElement {
  return parseXml(Buffer.from(`<x ${osci}>${markup}</x>`)).root;
}

export const when = readTime("2026-01-02T03:04:05.678+01:00");
export const card: ProcessCard = {
  messageId: "govapp_1ä",
  recentModification: when,
  creation: { kind: "plain", time: when },
  forwarding: { kind: "cryptographic", algorithm: "urn:tsp", token: "QUJD" },
  reception: { kind: "plain", time: readTime("2026-01-02T02:04:05Z") },
  subject: "Allgemeine <Nachricht> & mehr",
  inspections: [
    {
      checkedAt: { kind: "plain", time: when },
      subject: "CN=a,O=b",
      issuer: "CN=ca",
      serialNumber: "43061940501842446923094469083697434818419068782",
      certificateType: "advanced",
      mathResult: "ok",
      offlineResult: "valid",
      onlineResult: "ok",
      onlineMethod: "OCSP",
      onlineText: "bm90IHN1cHBvcnRlZA==",
    },
    {
      checkedAt: { kind: "plain", time: when },
      subject: "CN=c",
      issuer: "CN=c",
      serialNumber: "1",
      certificateType: "unknown",
      mathResult: "ok",
      offlineResult: "indeterminate",
    },
  ],
};
