import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import { startZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import { letter, mailboxUuid, openStage, pdf } from "./zbp-stage.ts";

let stateDir: string;
beforeEach(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), "zbp-state-"));
});
afterEach(() => rm(stateDir, { recursive: true }));

describe("a state directory", () => {
  it("gives everything back after a restart", async () => {
    const stage = await openStage({ stateDir });
    const { simulator, sender, pki, city } = stage;
    const gone = simulator.createMailbox();
    simulator.deleteMailbox(gone.uuid);
    const routingInfo = "mxgw1.a.b";
    const retrievalConfirmationAddress = "ack+a.b@gw.example";
    const more = { routingInfo, retrievalConfirmationAddress, attachments: [pdf] };
    await sender.sendLetter({ ...letter, ...more, reference: "a" });
    await sender.sendLetter({ ...letter, reference: "b" });
    const id = simulator.letters()[0]?.id ?? "";
    simulator.openLetter(id);
    const collected = simulator.reply(id, { text: "eins" });
    simulator.reply(id, { text: "zwei", attachments: [pdf] });
    await sender.setReplyStatus(collected.id, "COLLECTED");
    const before = simulator.state;
    await stage.close();

    await appendFile(path.join(stateDir, "journal.jsonl"), '{"type":"letterSto');
    const again = await startZbpSimulator({
      server: await pki.issue({ cn: "localhost", kind: "server" }),
      trustedCas: [pki.ca.certPem],
      clients: [city],
      stateDir,
    });
    expect(again.letters()).toEqual(before.letters);
    expect(again.state.replies).toEqual(before.replies);
    expect(again.state.openedAt(id)).toBe(before.openedAt(id));
    expect(again.state.pendingMails).toEqual(before.pendingMails);
    expect(again.state.pendingMails).toHaveLength(1);
    expect(again.state.isDeleted(gone.uuid)).toBe(true);
    const [file] = again.letters()[0]?.attachments ?? [];
    expect(file && again.attachmentBytes(file)).toEqual(pdf.bytes);
    const other = createLegacySender({ baseUrl: again.url, caPem: pki.ca.certPem, identity: city });
    expect((await other.pullReplies()).map(({ content }) => content)).toEqual(["zwei"]);
    expect((await other.sendLetter({ ...letter, reference: "c" })).status).toBe(200);
    other.close();
    await again.close();
    const lines = (await readFile(path.join(stateDir, "journal.jsonl"), "utf8")).split("\n");
    expect(lines.at(-1)).toBe("");
    for (const line of lines.slice(0, -1)) expect(() => void JSON.parse(line)).not.toThrow();
  });
});

interface Ready {
  readonly url: string;
  readonly controlUrl: string;
  readonly caFile: string;
  readonly clients: readonly {
    readonly cn: string;
    readonly certFile: string;
    readonly keyFile: string;
  }[];
}

const main = fileURLToPath(new URL("../../../fixtures/simulators/zbp/main.ts", import.meta.url));

/** Two starts of a process and its keys: on a busy machine that takes a while. */
const processTimeoutMs = 60_000;
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }
});

async function run(...args: readonly string[]): Promise<{ child: ChildProcess; ready: Ready }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  return { child, ready: JSON.parse(line) as Ready };
}

describe("as a process", () => {
  it(
    "survives being killed: same certificates, same letters, same port",
    async () => {
      const args = ["--state-dir", stateDir, "--issue-client", "Stadt Köln, Bauamt"];
      args.push("--mailbox", `${mailboxUuid}=Clara Beispiel`);
      const first = await run(...args);
      const [client] = first.ready.clients;
      if (client === undefined) throw new Error("no client was issued");
      const sender = createLegacySender({
        baseUrl: first.ready.url,
        caPem: await readFile(first.ready.caFile, "utf8"),
        identity: {
          cn: client.cn,
          certPem: await readFile(client.certFile, "utf8"),
          keyPem: await readFile(client.keyFile, "utf8"),
        },
      });
      expect((await sender.sendLetter({ ...letter, attachments: [pdf] })).status).toBe(200);
      first.child.kill("SIGKILL");
      await once(first.child, "exit");

      const second = await run(...args, "--port", new URL(first.ready.url).port);
      const status = await fetch(`${second.ready.controlUrl}/control/status`);
      expect(await status.json()).toMatchObject({ letters: 1, mailboxes: 1 });
      expect((await sender.sendLetter(letter)).status).toBe(200);
      sender.close();
      second.child.kill("SIGTERM");
      expect(await once(second.child, "exit")).toEqual([0, null]);
    },
    processTimeoutMs,
  );
});
