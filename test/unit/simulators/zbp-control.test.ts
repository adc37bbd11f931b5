import { request } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { letter, mailboxUuid, openStage, pdf } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

let stage: Stage;
beforeEach(async () => {
  stage = await openStage();
});
afterEach(() => stage.close());

interface Heard {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

async function control(method: string, path: string, body?: unknown): Promise<Heard> {
  const response = await fetch(`${stage.simulator.controlUrl}/control${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

async function visit(path: string, init?: RequestInit): Promise<Response> {
  return fetch(`${stage.simulator.controlUrl}${path}`, { redirect: "manual", ...init });
}

describe("the control API", () => {
  it("does what the citizen does", async () => {
    const made = await control("POST", "/mailboxes", { owner: "Otto" });
    const { uuid } = made.body as { uuid: string };
    await stage.sender.sendLetter({
      ...letter,
      mailboxUuid: uuid,
      routingInfo: "r",
      reference: "f 1",
      attachments: [pdf],
    });
    const listed = await control("GET", `/mailboxes/${uuid}/letters`);
    const [first] = listed.body["letters"] as { id: string; openedAt?: string }[];
    expect(first).toMatchObject({ letter: { reference: "f 1" }, signer: "Stadt Beispielhausen" });
    expect(first?.openedAt).toBeUndefined();
    const id = first?.id ?? "";
    const low = await control("POST", `/letters/${id}/open`, { level: 1 });
    expect([low.status, low.body["code"]]).toEqual([403, "LEVEL"]);
    const opened = await control("POST", `/letters/${id}/open`);
    expect(opened.body).toHaveProperty("openedAt");
    const file = await visit(`/control/letters/${id}/attachments/0`);
    expect(Buffer.from(await file.arrayBuffer())).toEqual(pdf.bytes);
    const attachments = [
      { filename: "b.pdf", mediaType: "application/pdf", base64: pdf.bytes.toString("base64") },
    ];
    await control("POST", `/letters/${id}/reply`, { text: "Danke", attachments });
    const [reply] = await stage.sender.pullReplies();
    expect(reply?.content).toBe("Danke");
    expect(await stage.sender.fetchReplyAttachment(reply?.id ?? "", 0)).toEqual(pdf.bytes);
    expect((await control("GET", "/replies")).body["replies"]).toHaveLength(1);
    expect((await control("GET", "/count?reference=f%201")).body).toEqual({ count: 1 });
    expect((await control("DELETE", `/mailboxes/${uuid}`)).status).toBe(200);
    expect((await control("DELETE", `/mailboxes/${uuid}`)).status).toBe(410);
    expect((await control("GET", "/status")).body).toMatchObject({ letters: 1, replies: 1 });
  });

  it("arms and clears faults, switches features, registers, stops and starts", async () => {
    await control("POST", "/faults", { kind: "status", status: 503, route: "send", times: 2 });
    expect((await stage.sender.sendLetter(letter)).status).toBe(503);
    const { body } = await control("GET", "/faults");
    expect(body["faults"]).toMatchObject([{ hits: 1, left: 1 }]);
    await control("DELETE", "/faults");
    expect((await stage.sender.sendLetter(letter)).status).toBe(200);
    await control("POST", "/features", { probe: false });
    expect((await stage.sender.probe(mailboxUuid)).status).toBe(404);
    const county = await stage.pki.issue({ cn: "Kreis" });
    await control("POST", "/clients", { certPem: county.certPem });
    expect((await stage.senderOf(county).sendLetter(letter)).status).toBe(200);
    await control("POST", "/stop");
    await expect(stage.sender.sendLetter(letter)).rejects.toThrow();
    await control("POST", "/start");
    expect((await stage.sender.sendLetter(letter)).status).toBe(200);
    await stage.sender.sendLetter(letter, { wrong: "badSignature" });
    const { body: seen } = await control("GET", "/refusals");
    expect(seen["refusals"]).toMatchObject([{ code: "ROUTE_UNKNOWN" }, { code: "SIGNATURE" }]);
  });

  it.each([
    { kind: "unsinn" },
    { kind: "status", status: 200 },
    { kind: "status", route: "nirgends" },
    { kind: "slow", ms: -1 },
    { kind: "slow", times: 0 },
    { kind: "slow", dauer: 3 },
    [],
    "slow",
  ])("refuses the fault %j", async (fault) => {
    expect((await control("POST", "/faults", fault)).status).toBe(400);
  });

  it("refuses what a foreign web page would send", async () => {
    const foreign = await visit("/control/stop", {
      method: "POST",
      headers: { origin: "https://boese.example" },
    });
    expect(foreign.status).toBe(403);
    const rebound = await new Promise<number | undefined>((resolve, reject) => {
      const url = `${stage.simulator.controlUrl}/control/letters`;
      request(url, { headers: { host: "boese.example" } }, (incoming) => {
        incoming.resume();
        resolve(incoming.statusCode);
      })
        .on("error", reject)
        .end();
    });
    expect(rebound).toBe(403);
    expect((await control("GET", "/nichts")).status).toBe(404);
    expect((await control("DELETE", "/status")).status).toBe(405);
  });
});

describe("the citizen's page", () => {
  it("shows letters, opens by a form only, answers with a file", async () => {
    const title = 'Bescheid <b> & "mehr"';
    await stage.sender.sendLetter({ ...letter, title, routingInfo: "r", attachments: [pdf] });
    const id = stage.simulator.letters()[0]?.id ?? "";
    expect(await (await visit("/")).text()).toContain("Clara Beispiel");
    const list = await (await visit(`/postfach/${mailboxUuid}`)).text();
    expect(list).toContain("Bescheid &lt;b&gt; &amp; &quot;mehr&quot;");
    expect(list).toContain("1 ungelesen");
    const looked = await visit(`/postfach/nachricht/${id}`);
    expect([looked.status, looked.headers.get("location")]).toEqual([
      303,
      `/postfach/${mailboxUuid}`,
    ]);
    expect(stage.simulator.state.openedAt(id)).toBeUndefined();
    const opened = await visit(`/postfach/nachricht/${id}/oeffnen`, { method: "POST" });
    expect(opened.headers.get("location")).toBe(`/postfach/nachricht/${id}`);
    expect(stage.simulator.state.openedAt(id)).toBeDefined();
    const page = await visit(`/postfach/nachricht/${id}`);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(await page.text()).toContain(letter.content);
    const file = await visit(`/postfach/nachricht/${id}/anlage/0`);
    expect(file.headers.get("content-disposition")).toContain("Bescheid%20%C3%BCber");
    const form = new FormData();
    form.append("text", "Zeile 1\r\nZeile <2>");
    form.append("file", new Blob([pdf.bytes], { type: "application/pdf" }), "plan.pdf");
    form.append("file", new Blob([]), "");
    await visit(`/postfach/nachricht/${id}/antwort`, { method: "POST", body: form });
    const [reply] = await stage.sender.pullReplies();
    expect(reply).toMatchObject({ content: "Zeile 1\nZeile <2>" });
    expect(reply?.attachments.map(({ filename }) => filename)).toEqual(["plan.pdf"]);
    const answered = await (await visit(`/postfach/nachricht/${id}`)).text();
    expect(answered).toContain("Zeile &lt;2&gt;");
    expect(answered).toContain("gesendet, noch nicht abgeholt");
  });

  it("shows plain text as text, states, and errors in German", async () => {
    const applicationId = "AAAAAAAA-bbbb-4ccc-8ddd-eeeeeeeeeeee";
    await stage.sender.sendLetter({ ...letter, content: "3 < 5 & 7", applicationId });
    await stage.sender.sendState({
      applicationId: applicationId.toLowerCase(),
      status: "ACTION_REQUIRED",
      publicServiceName: { de: "Bauvoranfrage" },
      senderName: "Bauamt",
      createdDate: new Date().toISOString(),
    });
    const id = stage.simulator.letters()[0]?.id ?? "";
    stage.simulator.openLetter(id);
    const page = await (await visit(`/postfach/nachricht/${id}`)).text();
    expect(page).toContain("3 &lt; 5 &amp; 7");
    expect(page).toContain("nicht antworten");
    const list = await (await visit(`/postfach/${mailboxUuid}`)).text();
    expect(list).toContain("Ihre Mitwirkung ist nötig");
    const missing = await visit("/postfach/nachricht/unbekannt");
    expect(missing.status).toBe(404);
    expect(await missing.text()).toContain("Das Gesuchte gibt es nicht");
  });
});
