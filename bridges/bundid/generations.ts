import type { BridgeContext } from "../../src/bridge/contract.ts";
import { digestOf } from "../../src/model/id.ts";
import { z } from "zod";
import { purgeRecords } from "./purge.ts";

/**
 * Tells a repeated letter from a new one (bundid-fink.md §7.3): the same sender, reference and content within seven
 * days are one letter. After that, or when the first one failed for good, the same bytes are a new letter.
 */
export interface Generations {
  /** Runs `task` with the source id of this letter; letters of one (sender, reference) go one after another. */
  run<T>(letter: LetterKey, task: (sourceId: string) => Promise<T>): Promise<T>;
  /** After the letter was accepted: which one it became. */
  remember(letter: LetterKey, messageId: string): Promise<void>;
  /** Forgets what is older than the window. */
  purge(now: Date): Promise<void>;
}
export interface LetterKey {
  readonly signer: string;
  readonly reference: string | undefined;
  /** Over the signed string, hex. */
  readonly digest: string;
  /** Refuse another content under the same reference. */
  readonly strict: boolean;
}

/** The same reference came before with other content. */
export class ReferenceTaken extends Error {
  override readonly name = "ReferenceTaken";
}

const DAY_MS = 86_400_000;
export const WINDOW_MS = 7 * DAY_MS;
const LETTERS = "letter:";
const REFERENCES = "reference:";

const recordSchema = z.object({
  at: z.coerce.date(),
  /** Last part of the source id. */
  generation: z.string(),
  digest: z.string(),
  messageId: z.string().optional(),
});
type GenerationRecord = z.output<typeof recordSchema>;

type Context = Pick<BridgeContext<unknown>, "records" | "recall">;

export function createGenerations(context: Context, now: () => Date): Generations {
  const { records } = context;
  const queue = new KeyedQueue();
  const read = async (key: string): Promise<GenerationRecord | undefined> => {
    const value = await records.get(key);
    if (value === undefined) return undefined;
    const record = recordSchema.parse(JSON.parse(value));
    return now().getTime() - record.at.getTime() < WINDOW_MS ? record : undefined;
  };
  const write = (key: string, record: GenerationRecord) => records.put(key, JSON.stringify(record));
  return {
    run: (letter, task) =>
      queue.run(referenceKey(letter), async () => {
        await refuseTaken(letter, read, write, now);
        const key = letterKey(letter);
        const known = await read(key);
        const record = await currentGeneration(context, letter, known, now());
        // Before the letter itself: whatever happens next, a repetition finds the same generation.
        if (record !== known) await write(key, record);
        return task(`${key}:${record.generation}`);
      }),
    async remember(letter, messageId) {
      const key = letterKey(letter);
      const record = await read(key);
      if (record !== undefined && record.messageId !== messageId)
        await write(key, { ...record, messageId });
    },
    async purge(at) {
      // One day more than the window: a generation is named after its day and must not come back within it.
      const before = new Date(at.getTime() - WINDOW_MS - DAY_MS);
      for (const prefix of [LETTERS, REFERENCES]) await purgeRecords(records, prefix, before);
    },
  };
}

/** The running generation, or the next one when the letter of this one ended without having arrived. */
async function currentGeneration(
  context: Context,
  { digest }: LetterKey,
  known: GenerationRecord | undefined,
  now: Date,
): Promise<GenerationRecord> {
  const day = now.toISOString().slice(0, 10);
  if (known === undefined) return { at: now, generation: day, digest };
  if (known.messageId === undefined) return known;
  const state = (await context.recall(known.messageId))?.state;
  if (state !== "failed" && state !== "rejected") return known;
  const [first = day, count = "1"] = known.generation.split("#");
  return { at: now, generation: `${first}#${Number(count) + 1}`, digest };
}

async function refuseTaken(
  letter: LetterKey,
  read: (key: string) => Promise<GenerationRecord | undefined>,
  write: (key: string, record: GenerationRecord) => Promise<void>,
  now: () => Date,
): Promise<void> {
  if (!letter.strict || letter.reference === undefined) return;
  const key = referenceKey(letter);
  const first = await read(key);
  if (first === undefined) await write(key, { at: now(), generation: "", digest: letter.digest });
  else if (first.digest !== letter.digest) throw new ReferenceTaken("reference taken");
}

function referenceKey({ signer, reference = "" }: LetterKey): string {
  return REFERENCES + digestOf(signer, reference);
}
function letterKey({ signer, reference = "", digest }: LetterKey): string {
  return LETTERS + digestOf(signer, reference, digest);
}

/** Tasks of one key one after another, of different keys side by side. */
class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();
  async run<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const mine = before.then(task, task);
    const tail = mine.catch(() => undefined);
    this.#tails.set(key, tail);
    try {
      return await mine;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
