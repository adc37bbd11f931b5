import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { CONTENT, useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();

describe("the control port", () => {
  it("shows mailboxes, deliveries and stamps, and no content", async () => {
    const intermediary = await bed.start();
    const subject = "<script>alert(1)</script>";
    const messageId = await bed.deposit(bed.client("sender"), { subject, content: CONTENT });
    const client = bed.client("recipient");
    await client.initDialog();
    await client.fetchDelivery();
    const get = async (path: string) => (await fetch(intermediary.controlUrl + path)).text();
    const status = JSON.parse(await get("/control/status")) as Record<string, unknown>;
    expect(status).toMatchObject({ mailboxes: 1, deliveries: 1, waiting: 1, requests: 4 });
    const start = await get("/");
    const [, mailbox = ""] = /\/intermediaer\/([0-9a-f]{64})"/.exec(start) ?? [];
    const page = await get(`/intermediaer/${mailbox}`);
    expect(page).toContain(messageId);
    expect(page).toContain("&lt;script&gt;");
    expect(page.match(/<time /g)).toHaveLength(2);
    const list = await get(`/control/deliveries?mailbox=${mailbox}`);
    expect(JSON.parse(list)).toMatchObject({ count: 1, deliveries: [{ messageId, files: 0 }] });
    for (const shown of [start, page, list, await get("/control/requests")])
      expect(shown).not.toContain("aGFsbG8");
    expect(JSON.parse(await get(`/control/count?messageId=${messageId}`))).toEqual({ count: 1 });
  });

  it("arms faults and takes the intermediary off the network and back", async () => {
    const intermediary = await bed.start();
    const post = (path: string, body?: unknown) =>
      fetch(intermediary.controlUrl + path, { method: "POST", body: JSON.stringify(body) });
    const fault = { type: "GetMessageId", kind: "soapFault", code: "9000", times: 1 };
    expect((await post("/control/faults", fault)).status).toBe(200);
    const client = bed.client("sender");
    expect((await client.getMessageId()).fault).toBe("9000");
    expect((await post("/control/faults", { kind: "none" })).status).toBe(400);
    expect((await post("/control/stop")).status).toBe(200);
    await expect(client.getMessageId()).rejects.toThrow("ECONNREFUSED");
    expect((await post("/control/start")).status).toBe(200);
    expect((await client.getMessageId()).codes).toEqual(["0800"]);
    expect((await fetch(`${intermediary.controlUrl}/nothing`)).status).toBe(404);
  });

  it("is not for web pages of others", async () => {
    const intermediary = await bed.start();
    const visit = async (headers: Record<string, string>) => {
      const call = request(`${intermediary.controlUrl}/control/status`, { headers }).end();
      const [response] = (await once(call, "response")) as [{ statusCode: number; resume(): void }];
      response.resume();
      return response.statusCode;
    };
    expect(await visit({ origin: "https://evil.example" })).toBe(403);
    expect(await visit({ host: "evil.example" })).toBe(403);
    expect(await visit({})).toBe(200);
  });
});

describe("as a process of its own", () => {
  it("makes its keys, says where it is and ends when told to; keys stay", async () => {
    const directory = mkdtempSync(path.join(tmpdir(), "intermediary-main-"));
    const main = fileURLToPath(
      new URL("../../../fixtures/simulators/osci-intermediary/main.ts", import.meta.url),
    );
    const run = async () => {
      const args = ["--state-dir", directory, "--mailbox", "stadt=Stadt Ä", "--court", "gericht"];
      const child = spawn(process.execPath, [main, ...args], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = (await once(createInterface(child.stdout), "line")) as [string];
      const ready = JSON.parse(line) as Ready;
      const { status } = await fetch(`${ready.controlUrl}/control/status`);
      child.kill("SIGTERM");
      const [code] = (await once(child, "close")) as [number];
      return { ready, status, code };
    };
    try {
      const first = await run();
      expect([first.status, first.code, first.ready.parties.length]).toEqual([200, 0, 2]);
      const certificates = () =>
        first.ready.parties.map(({ cipherCertFile }) => readFileSync(cipherCertFile, "utf8"));
      const before = certificates();
      const second = await run();
      expect(second.ready.parties.map(({ safeId }) => safeId)).toEqual([
        "DE.Test.stadt",
        "DE.Test.gericht",
      ]);
      expect(certificates()).toEqual(before);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }, 30_000);
});

interface Ready {
  readonly controlUrl: string;
  readonly parties: readonly { readonly safeId: string; readonly cipherCertFile: string }[];
}
