import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { readOkkommAnswer } from "../../../bridges/fink/bsp/okkomm.ts";
import { parseReceipt } from "../../../bridges/fink/bsp/quittung.ts";
import { renderNachricht } from "../../../fixtures/simulators/postkorb/index.ts";
import { describeWith } from "../../support/services/index.ts";
import { letters, MAILBOX, makeKeys, openServerBench, PDF } from "./bench.ts";
import type { Keys, ServerBench } from "./bench.ts";
import { useZeep } from "./zeep.ts";

const WSDL = fileURLToPath(
  new URL("../../../bridges/fink/wsdl/postkorbkomm.wsdl", import.meta.url),
);

describeWith("a SOAP client that is not ours (zeep)", await useZeep(), (zeep) => {
  let keys: Keys;
  let bench: ServerBench;
  beforeAll(async () => {
    keys = await makeKeys();
    bench = await openServerBench(keys);
  });
  afterAll(async () => {
    await bench.stop();
    await keys.remove();
  });

  it("reads our WSDL, delivers by it, and understands receipts and faults", async () => {
    const files = [{ name: "a.pdf", type: "application/pdf", bytes: PDF }];
    const good = renderNachricht({ mailbox: MAILBOX, subject: "Größe &amp; €", files });
    const bad = renderNachricht({ mailbox: MAILBOX, text: "http://x.example" });
    const native = { operation: "sendBspNachrichtNative", child: "bspNachricht" };
    const okkomm =
      "<ZKOCXML><XML_SYSTEM><SYSTEM><AKTION><AKT_VERFAHREN>BSP</AKT_VERFAHREN><AKT_TYP>NACHRICHT</AKT_TYP><AKT_AUSFUEHRUNG>UEBERMITTELN</AKT_AUSFUEHRUNG>" +
      "<AKT_ZIEL_AGS>09999001</AKT_ZIEL_AGS></AKTION></SYSTEM></XML_SYSTEM><XML_PROFIL><SUCHE><OK_KOMM_RAW_BASE64>" +
      `${Buffer.from(renderNachricht({ mailbox: MAILBOX, subject: "OK.KOMM" })).toString("base64")}</OK_KOMM_RAW_BASE64></SUCHE></XML_PROFIL></ZKOCXML>`;
    const answers = await zeep.call({
      wsdl: WSDL,
      endpoint: `${bench.origin}/bspx-postkorb-okkomm-ws/bspservices/postkorbkomm`,
      ca: keys.pki.caFile,
      cert: keys.authority.certFile,
      key: keys.authority.keyFile,
      calls: [
        { ...native, payload: good },
        { ...native, payload: bad },
        {
          operation: "sendBspNachricht",
          child: "okKommBspNachrichtInput",
          payload: Buffer.from(okkomm).toString("base64"),
        },
      ],
    });
    const [first, second, third] = answers.map(({ result = "" }) => result);
    expect((await parseReceipt(first ?? "", BUILT_IN)).status).toBe("0");
    expect((await parseReceipt(second ?? "", BUILT_IN)).status).toBe("31");
    const inner = await readOkkommAnswer(Buffer.from(third ?? "").toString("base64"), BUILT_IN);
    expect(inner.ok).toBe(true);
    expect(letters(bench.state).map(({ message }) => message.subject)).toEqual([
      "Größe & €",
      "OK.KOMM",
    ]);
  });
});
