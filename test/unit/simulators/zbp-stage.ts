import { createPki } from "../../../fixtures/simulators/pki/index.ts";
import type { Identity, Pki } from "../../../fixtures/simulators/pki/index.ts";
import { createLegacySender } from "../../../fixtures/simulators/zbp/client.ts";
import type {
  LegacyLetter,
  LegacySender,
  LegacySenderOptions,
} from "../../../fixtures/simulators/zbp/client.ts";
import { Refusal, startZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";
import type { ZbpOptions, ZbpSimulator } from "../../../fixtures/simulators/zbp/index.ts";

export const mailboxUuid = "11111111-2222-4333-8444-555555555555";
export const pdf = {
  filename: "Bescheid über Gebühren.pdf",
  mediaType: "application/pdf",
  bytes: Buffer.from("%PDF-1.4\r\n--grenze\r\n\u0000\u00ff", "latin1"),
};

export const letter: LegacyLetter = {
  mailboxUuid,
  title: "Nachforderung zu Ihrem Antrag",
  content: "<p>Bitte reichen Sie „Unterlagen“ nach 🙂.</p>",
  service: "Bauvoranfrage",
  sender: "Stadt Beispielhausen, Bauamt",
  level: 3,
};

/** A simulator with one mailbox and one registered authority; everything ends with {@link Stage.close}. */
export interface Stage {
  readonly pki: Pki;
  readonly city: Identity;
  readonly simulator: ZbpSimulator;
  readonly sender: LegacySender;
  senderOf(identity: Identity, options?: Partial<LegacySenderOptions>): LegacySender;
  close(): Promise<void>;
}

export async function openStage(options: Partial<ZbpOptions> = {}): Promise<Stage> {
  const pki = await createPki();
  const city = await pki.issue({ cn: "Stadt Beispielhausen" });
  const simulator = await startZbpSimulator({
    server: await pki.issue({ cn: "localhost", kind: "server" }),
    trustedCas: [pki.ca.certPem],
    clients: [city],
    ...options,
  });
  if (simulator.state.mailbox(mailboxUuid) === undefined)
    simulator.createMailbox({ uuid: mailboxUuid, owner: "Clara Beispiel" });
  const senders: LegacySender[] = [];
  const senderOf: Stage["senderOf"] = (identity, extra = {}) => {
    const sender = createLegacySender({
      baseUrl: simulator.url,
      caPem: pki.ca.certPem,
      identity,
      ...extra,
    });
    senders.push(sender);
    return sender;
  };
  const close = async () => {
    for (const sender of senders) sender.close();
    await simulator.close();
  };
  return { pki, city, simulator, sender: senderOf(city), senderOf, close };
}

/** How `act` is refused; fails when it is not. */
export function refusalOf(act: () => unknown): {
  status: number;
  code: string;
  field: string | undefined;
} {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { status: error.status, code: error.code, field: error.field };
  }
  throw new Error("it was not refused");
}
