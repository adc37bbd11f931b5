import type { LegacyLetter } from "../../../fixtures/simulators/zbp/client.ts";
import { letterBlock, pause, until } from "../reader.ts";
import type { Stack } from "../stack.ts";
import { PILOT_AUTHORITY, PILOT_SERVICE, type Citizen, type PilotWorld } from "../worlds/pilot.ts";

/** Letters of the authority that moves: each with a mark of its own, so that it can be counted on both sides. */
export interface PilotLetter {
  readonly mark: string;
  readonly citizen: Citizen;
  /** File number; letters with the same one are one case. */
  readonly reference: string;
  /** Phases in which it may have been decided, as far as its sender can know. */
  readonly phases: readonly string[];
  /** Given by the gateway as soon as the letter is acknowledged. */
  id?: string;
}

/** Where one letter is: in the old mailbox, in Matrix as the letter, in Matrix as a copy. */
export interface Places {
  readonly old: number;
  readonly letter: number;
  readonly copy: number;
}

const CONFIRMATION = "bestaetigung@wohngeldverfahren.example";
const RETRY_MS = 150;
const STREAM_MS = 250;
const SETTLE_MS = 60_000;
const MARK = /Kennung ([\w-]+)/;

/** What docs/transition.md promises for a letter that was decided in this phase; written down here a second time. */
const PROMISED: Readonly<Record<string, Places>> = {
  observe: { old: 1, letter: 0, copy: 0 },
  mirror: { old: 1, letter: 0, copy: 1 },
  "matrix-first": { old: 1, letter: 1, copy: 0 },
  matrix: { old: 0, letter: 1, copy: 0 },
};
/** Nobody reads the mailbox in Matrix: whatever the phase, it stays with the old one. */
const NOT_IN_MATRIX: Places = { old: 1, letter: 0, copy: 0 };

export function promisedFor(letter: PilotLetter, phase: string | undefined): Places | undefined {
  return letter.citizen.inMatrix ? PROMISED[phase ?? ""] : NOT_IN_MATRIX;
}

/** Sends like such applications do: again and again until it is acknowledged; the last answer is the receipt. */
export async function sendLetter({ legacy }: PilotWorld, letter: PilotLetter): Promise<void> {
  const { mark } = letter;
  const acknowledged = async () => {
    const answer = await legacy.sendLetter(letterFor(letter)).catch(() => undefined);
    if (answer?.status === 200) return String((answer.json as { id?: unknown }).id);
    await pause(RETRY_MS);
    return undefined;
  };
  letter.id = await until(`acknowledgement of ${mark}`, acknowledged, SETTLE_MS);
}

/** As the interface has it. */
export function letterFor({ citizen, reference, mark }: PilotLetter): LegacyLetter {
  return {
    mailboxUuid: citizen.mailbox,
    title: `Wohngeld ${reference}`,
    content: `<p>Guten Tag,</p><p>es geht um Ihr Wohngeld. Kennung ${mark}</p>`,
    service: PILOT_SERVICE,
    sender: PILOT_AUTHORITY,
    level: 1,
    reference,
    retrievalConfirmationAddress: CONFIRMATION,
  };
}

/** One letter after the other in one case, without regard to what operators do meanwhile. */
export class Stream {
  readonly letters: PilotLetter[] = [];
  readonly #running: Promise<void>;
  #stop = false;

  constructor(world: PilotWorld, make: (n: number) => PilotLetter) {
    this.#running = this.#run(world, make);
    this.#running.catch(() => undefined);
  }

  async #run(world: PilotWorld, make: (n: number) => PilotLetter): Promise<void> {
    while (!this.#stop) {
      const letter = make(this.letters.length + 1);
      this.letters.push(letter);
      await sendLetter(world, letter);
      await pause(STREAM_MS);
    }
  }

  /** Resolves when so many more letters were begun and acknowledged. */
  async more(count: number): Promise<void> {
    const goal = this.letters.length + count;
    await until(`${count} more letters`, () => this.letters.length > goal || undefined, SETTLE_MS);
  }

  /** Resolves when the last letter is acknowledged; throws when one never was. */
  async stop(): Promise<void> {
    this.#stop = true;
    await this.#running;
  }
}

/** Counts every mark on both sides. Marks in the order in which each side holds them. */
export async function countPlaces(stack: Stack, citizens: readonly Citizen[]) {
  const old: string[] = [];
  for (const { letter } of stack.bundid.zbp.letters()) old.push(...marksIn(letter.content));
  const letters: string[] = [];
  const copies: string[] = [];
  for (const { name } of citizens.filter(({ inMatrix }) => inMatrix)) {
    const reader = await stack.person(name);
    await reader.look();
    for (const { content } of [...reader.rooms.values()].flat()) {
      const relation = content["m.relates_to"] as { rel_type?: unknown } | undefined;
      if (letterBlock({ content } as never) === undefined || relation?.rel_type === "m.replace")
        continue;
      // Clients ring for letters (m.text), not for notices.
      (content.msgtype === "m.notice" ? copies : letters).push(...marksIn(String(content.body)));
    }
  }
  return { old, letters, copies };
}

export function placesOf(
  mark: string,
  { old, letters, copies }: Awaited<ReturnType<typeof countPlaces>>,
): Places {
  const times = (marks: readonly string[]) => marks.filter((it) => it === mark).length;
  return { old: times(old), letter: times(letters), copy: times(copies) };
}

/** Retrieval confirmations that the authority got by mail for this letter. */
export function confirmationsOf({ mails }: PilotWorld, { id = "" }: PilotLetter): number {
  return mails.mails.filter(({ to, raw }) => to.includes(CONFIRMATION) && raw.includes(id)).length;
}

function marksIn(text: string): string[] {
  const mark = MARK.exec(text)?.[1];
  return mark === undefined ? [] : [mark];
}
