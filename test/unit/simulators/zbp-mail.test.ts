import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { SMTPServer } from "smtp-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { letter, mailboxUuid, openStage } from "./zbp-stage.ts";
import type { Stage } from "./zbp-stage.ts";

interface Received {
  readonly to: string | undefined;
  readonly text: string;
}

/** Takes mails; `refuse` says how often, and with which code, it does not. */
class MailServer {
  /** Every try, refused or not. */
  readonly tries: string[] = [];
  readonly received: Received[] = [];
  readonly refuse: number[] = [];
  #arrived: () => void = () => undefined;
  readonly #server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onData: (stream, session, done) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        this.tries.push(Buffer.concat(chunks).toString());
        const responseCode = this.refuse.shift();
        if (responseCode !== undefined)
          return done(Object.assign(new Error("nein"), { responseCode }));
        const to = session.envelope.rcptTo[0]?.address;
        this.received.push({ to, text: Buffer.concat(chunks).toString() });
        done();
        this.#arrived();
      });
    },
  });

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server.server, "listening");
    return (this.#server.server.address() as AddressInfo).port;
  }

  async mails(count: number): Promise<readonly Received[]> {
    while (this.received.length < count)
      await new Promise<void>((resolve) => (this.#arrived = resolve));
    return this.received;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }
}

let server: MailServer;
let stage: Stage;
beforeEach(async () => {
  server = new MailServer();
  stage = await openStage({ smtp: { host: "127.0.0.1", port: await server.listen() } });
});
afterEach(async () => {
  await stage.close();
  await server.close();
});

const address = "ack+01JABCDEF0.bWFj@gw.example";

async function arrive(to: string | undefined = address): Promise<string> {
  const confirmation = to === "" ? {} : { retrievalConfirmationAddress: to };
  await stage.sender.sendLetter({ ...letter, ...confirmation });
  return stage.simulator.letters().at(-1)?.id ?? "";
}

describe("the mails of the mailbox", () => {
  it("confirm the first opening, to the address in the letter, once", async () => {
    const id = await arrive();
    stage.simulator.openLetter(id);
    stage.simulator.openLetter(id);
    const other = await arrive("ack+andere.x@gw.example");
    stage.simulator.openLetter(other);
    const [first, second] = await server.mails(2);
    expect([first?.to, second?.to]).toEqual([address, "ack+andere.x@gw.example"]);
    expect(first?.text).toMatch(new RegExp(`^X-ZBP-Message-Id: ${id}\r\n`, "im"));
    expect(first?.text).toContain("From: no-reply@zbp.example\r\n");
    expect(first?.text).toContain("Subject: =?UTF-8?Q?Lesebest=C3=A4tigung?=\r\n");
    await stage.simulator.until(() => stage.simulator.state.pendingMails.length === 0);
    expect(server.received).toHaveLength(2);
  });

  it("are not sent for a letter without an address, nor for one that stays hidden", async () => {
    stage.simulator.openLetter(await arrive(""));
    const hidden = await arrive();
    expect(() => stage.simulator.openLetter(hidden, 2)).toThrow("level 3");
    expect(stage.simulator.state.openedAt(hidden)).toBeUndefined();
    expect(stage.simulator.state.pendingMails).toEqual([]);
  });

  it("tell the senders of unread letters that the mailbox is gone", async () => {
    const read = await arrive("ack+gelesen.x@gw.example");
    stage.simulator.openLetter(read);
    await server.mails(1);
    const unread = await arrive();
    stage.simulator.deleteMailbox(mailboxUuid);
    const mail = (await server.mails(2))[1];
    expect(mail?.to).toBe(address);
    expect(mail?.text).toMatch(new RegExp(`^X-ZBP-Message-Id: ${unread}\r\n`, "im"));
    expect(mail?.text).toContain("Subject: =?UTF-8?Q?Postfach_gel=C3=B6scht?=");
    await stage.simulator.until(() => stage.simulator.state.pendingMails.length === 0);
    expect(server.received).toHaveLength(2);
  });

  it("are tried again after a temporary refusal, as the same mail", async () => {
    server.refuse.push(451);
    stage.simulator.openLetter(await arrive());
    await server.mails(1);
    const ids = server.tries.map((text) => /^Message-ID: (\S+)/im.exec(text)?.[1]);
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
  });

  it("are dropped after a final refusal, and the next one goes out", async () => {
    server.refuse.push(554);
    stage.simulator.openLetter(await arrive());
    stage.simulator.openLetter(await arrive("ack+zweite.x@gw.example"));
    expect((await server.mails(1))[0]?.to).toBe("ack+zweite.x@gw.example");
    await stage.simulator.until(() => stage.simulator.state.pendingMails.length === 0);
    expect(server.tries).toHaveLength(2);
  });

  it("wait for a mail server that is down", async () => {
    await server.close();
    server = new MailServer();
    const port = await server.listen();
    await server.close();
    const late = await openStage({ smtp: { host: "127.0.0.1", port } });
    await late.sender.sendLetter({ ...letter, retrievalConfirmationAddress: address });
    late.simulator.openLetter(late.simulator.letters()[0]?.id ?? "");
    server = new MailServer();
    await server.listen(port);
    expect((await server.mails(1))[0]?.to).toBe(address);
    await late.close();
  });
});
