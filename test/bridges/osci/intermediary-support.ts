/** An intermediary with a sender and a recipient for the tests of the simulator. */
import { afterEach, beforeAll } from "vitest";
import { bufferSource, collect } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import type { Source } from "../../../fixtures/simulators/osci-intermediary/bytes.ts";
import { X509Certificate } from "../../../fixtures/simulators/osci-intermediary/certificates.ts";
import { OsciClient } from "../../../fixtures/simulators/osci-intermediary/client.ts";
import type {
  ClientOptions,
  StoreWish,
} from "../../../fixtures/simulators/osci-intermediary/client.ts";
import {
  makeAuthority,
  makeIdentity,
  makeMailbox,
  makeVhn,
  startIntermediary,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";
import type {
  Authority,
  Intermediary,
  IntermediaryOptions,
  KeyPem,
} from "../../../fixtures/simulators/osci-intermediary/index.ts";

export interface Keys {
  readonly authority: Authority;
  readonly cipher: KeyPem;
  readonly signature: KeyPem;
  readonly sender: { readonly cipher: KeyPem; readonly signature: KeyPem };
  readonly recipient: { readonly cipher: KeyPem; readonly signature: KeyPem };
}

export interface Bed {
  readonly keys: Keys;
  /** Of the running test; started with the first call, stopped after it. */
  start(options?: Partial<IntermediaryOptions>): Promise<Intermediary>;
  client(who: "sender" | "recipient", options?: Partial<ClientOptions>): OsciClient;
  /** A clear package with one document: what is in it does not matter to an intermediary. */
  store(client: OsciClient, wish?: Partial<StoreWish>): ReturnType<OsciClient["storeDelivery"]>;
  /** Issues an id and stores under it. */
  deposit(client: OsciClient, wish?: Partial<StoreWish>): Promise<string>;
}

export const CONTENT =
  '<osci:ContentPackage><osci:ContentContainer Id="project_coco"><osci:Content>' +
  '<osci:Base64Content Id="nachricht.xml">aGFsbG8=</osci:Base64Content></osci:Content>' +
  "</osci:ContentContainer></osci:ContentPackage>";

export function useIntermediary(): Bed {
  let keys: Keys | undefined;
  let running: Intermediary[] = [];
  let clients: OsciClient[] = [];
  const need = (): Keys => {
    if (keys === undefined) throw new Error("too early");
    return keys;
  };

  beforeAll(async () => {
    const authority = await makeAuthority("beBPo VHN CA");
    // Tests with a clock of their own go back to the beginning of 2026.
    const valid = { validFrom: new Date("2025-01-01"), validTo: new Date("2049-01-01") };
    const party = async (name: string, safeId: string) => ({
      cipher: await makeMailbox(name, valid),
      signature: await makeVhn("authority", safeId, authority, valid),
    });
    keys = {
      authority,
      cipher: await makeIdentity({ cn: "Intermediär C", use: "cipher" }),
      signature: await makeIdentity({ cn: "Intermediär S", use: "signature" }),
      sender: await party("Sender", "DE.Test.sender"),
      recipient: await party("Recipient", "DE.Test.recipient"),
    };
  });

  afterEach(async () => {
    for (const client of clients) client.close();
    for (const intermediary of running) await intermediary.close();
    [clients, running] = [[], []];
  });

  const bed: Bed = {
    get keys() {
      return need();
    },
    start: async (options = {}) => {
      const { cipher, signature } = need();
      const intermediary = await startIntermediary({ cipher, signature, ...options });
      running.push(intermediary);
      return intermediary;
    },
    client: (who, options = {}) => {
      const [intermediary] = running.slice(-1);
      if (intermediary === undefined) throw new Error("no intermediary");
      const client = new OsciClient({ intermediary, ...need()[who], ...options });
      clients.push(client);
      return client;
    },
    store: (client, wish = {}) =>
      client.storeDelivery({
        addressee: new X509Certificate(need().recipient.cipher.certPem),
        subject: "Testnachricht",
        content: CONTENT,
        ...wish,
      }),
    deposit: async (client, wish = {}) => {
      const { messageId } = await client.getMessageId();
      if (messageId === undefined) throw new Error("no message id");
      const answer = await bed.store(client, { messageId, ...wish });
      if (!answer.codes.includes("0800") && !answer.codes.includes("0801"))
        throw new Error(`not stored: ${answer.codes} ${answer.fault}`);
      return messageId;
    },
  };
  return bed;
}

/** Changes the text of a message on its way. */
export function edit(change: (text: string) => string): (source: Source) => Promise<Source> {
  return async (source) => {
    const bytes = await collect(source, 10_000_000);
    const text = bytes.toString("latin1");
    const changed = change(text);
    if (changed === text) throw new Error("nothing was changed");
    return bufferSource(Buffer.from(changed, "latin1"));
  };
}

export const messageIdRule = (...ids: readonly string[]): string =>
  ids
    .map((id) => `<osci:MessageId>${Buffer.from(id).toString("base64")}</osci:MessageId>`)
    .join("");
