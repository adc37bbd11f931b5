/** The gateway as a process between the simulated homeserver and the BundID mailbox, with an account as a test wants it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parse, stringify } from "yaml";
import { DATABASE_FILE } from "../../src/store/open.ts";
import { callJson } from "./people-admin.ts";
import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import { until } from "../../deploy/demo/reader.ts";
import { startStack, type Stack } from "../../deploy/demo/stack.ts";
import { AUTHORITY, SERVICE } from "../../deploy/demo/worlds/bundid.ts";
import { makeTemporaryFolder } from "../../deploy/tools/paths.mjs";

export interface PeopleStack {
  readonly stack: Stack;
  readonly dir: string;
  /** Stops the gateway when it runs, changes its account, and starts it. */
  restart(change: Record<string, unknown>): Promise<GatewayProcess>;
  /** Status and answer, whatever they are. */
  ask(path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }>;
  /** A letter of the authority's application, through the gateway's inlet. */
  send(letter: {
    mailbox: string;
    reference: string;
    content: string;
    level?: 1 | 2 | 3 | 4;
  }): Promise<string>;
  /** What stands in an old mailbox under this title, oldest first. */
  inOldMailbox(mailbox: string, title: string): readonly { id: string; content: string }[];
  /** SQL past the gateway, as time or another node would have changed it. */
  execute(sql: string): void;
}

export async function startPeopleStack(name: string): Promise<PeopleStack> {
  const dir = makeTemporaryFolder(name);
  const stack = await startStack({
    ...{ dir, homeserver: "simulated", firstRetry: "500ms", sweepEvery: "1h" },
    bundid: { pollEvery: "1h" },
  });
  const { configFile } = stack.written;
  let gateway: GatewayProcess | undefined;
  return {
    ...{ stack, dir },
    async restart(change) {
      await gateway?.stop();
      const config = parse(readFileSync(configFile, "utf8")) as { accounts: object[] };
      const [account, ...rest] = config.accounts;
      writeFileSync(
        configFile,
        stringify({ ...config, accounts: [{ ...account, ...change }, ...rest] }),
      );
      gateway = await stack.startGateway();
      return gateway;
    },
    ask(path, body) {
      if (!gateway) throw new Error("no gateway runs");
      return callJson(gateway.adminUrl + path, stack.written.adminToken, body);
    },
    async send({ mailbox, reference, content, level = 1 }) {
      const sent = await stack.bundid.legacy.sendLetter({
        ...{ mailboxUuid: mailbox, title: "Bescheid", service: SERVICE, sender: AUTHORITY },
        ...{ reference, content, level },
      });
      // 202: taken in, but nobody can read it yet.
      if (sent.status !== 200 && sent.status !== 202)
        throw new Error(`the inlet answered ${sent.status}`);
      return String((sent.json as { id?: unknown }).id);
    },
    inOldMailbox: (mailbox, title) =>
      stack.bundid.zbp
        .letters()
        .filter(({ letter }) => letter.mailboxUuid === mailbox && letter.title === title)
        .map(({ id, letter }) => ({ id, content: letter.content })),
    execute(sql) {
      const db = new DatabaseSync(join(dir, "data", DATABASE_FILE), { timeout: 5_000 });
      db.exec(sql);
      db.close();
    },
  };
}

const TITLE = "Einmalcode zur Verbindung Ihres Postfachs";

/** Reads the old mailbox as its owner: the code of the n-th letter with a code (1 is the first). */
export async function codeFor(site: PeopleStack, mailbox: string, n = 1): Promise<string> {
  const letter = await until(
    `code letter ${n}`,
    () => site.inOldMailbox(mailbox, TITLE)[n - 1],
    20_000,
  );
  return /Einmalcode lautet: ([0-9A-Z]{5}-[0-9A-Z]{5})/.exec(letter.content)?.[1] ?? "";
}
