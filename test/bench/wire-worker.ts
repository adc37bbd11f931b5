/** A legacy system of the BundID kind in a thread of its own: its signatures cost CPU that nobody else shall wait for. */
import { parentPort, workerData } from "node:worker_threads";
import { createLegacySender } from "../../fixtures/simulators/zbp/client.ts";
import { letterText, readMark, shareOf, type Mark } from "./letters.ts";

export interface WirePlan {
  readonly task: "send" | "collect";
  readonly baseUrl: string;
  readonly caPem: string;
  readonly identity: { readonly cn: string; readonly certPem: string; readonly keyPem: string };
  readonly mailbox: string;
  readonly series: string;
  readonly letters: number;
  readonly letterBytes: number;
  readonly conversations: number;
  /** This worker is number `worker` (from 0) of `workers`; conversations are shared out among them. */
  readonly worker: number;
  readonly workers: number;
  /** Requests at the same time. */
  readonly streams: number;
}
export interface WireResult {
  readonly accepted: number;
  /** Answers that were no success, with their number. */
  readonly refused: Readonly<Record<string, number>>;
  /** What was collected, in order. */
  readonly collected: readonly Mark[];
}

const POLL_MS = 20;
const PAGE = 100;
/** Pages without a letter, one after the other: then it is given up. */
const MAX_EMPTY = 1_500;

const plan = workerData as WirePlan;
const legacy = createLegacySender(plan);
const refused: Record<string, number> = {};
const result = plan.task === "send" ? await sendAll() : await collectAll();
legacy.close();
parentPort?.postMessage(result);

async function sendAll(): Promise<WireResult> {
  const counts = await Promise.all(Array.from({ length: plan.streams }, (_, n) => sendStream(n)));
  return { accepted: counts.reduce((sum, count) => sum + count, 0), refused, collected: [] };
}

/** One request after the other, so that each conversation keeps its order. */
async function sendStream(stream: number): Promise<number> {
  const { conversations, workers, worker, streams, letters, letterBytes, series } = plan;
  const place = worker + workers * stream;
  const own = Array.from({ length: conversations }, (_, index) => index).filter(
    (conversation) => conversation % (workers * streams) === place,
  );
  let accepted = 0;
  for (let n = 1; n <= shareOf(letters, conversations, 0); n += 1)
    for (const conversation of own) {
      if (n > shareOf(letters, conversations, conversation)) continue;
      const text = letterText({ series, conversation, n }, letterBytes);
      const answer = await legacy.sendLetter({
        mailboxUuid: plan.mailbox,
        title: `Vorgang ${conversation}`,
        content: `<p>${text.replaceAll("\n", "<br>")}</p>`,
        service: "Bauvoranfrage",
        sender: "Musteramt",
        level: 1,
        reference: `AZ-${conversation}`,
      });
      if (answer.status === 200) accepted += 1;
      else refused[answer.status] = (refused[answer.status] ?? 0) + 1;
    }
  return accepted;
}

async function collectAll(): Promise<WireResult> {
  const collected: Mark[] = [];
  for (let empty = 0; collected.length < plan.letters && empty < MAX_EMPTY;) {
    const replies = await legacy.pullReplies(PAGE);
    for (const { id, content } of replies) {
      const mark = readMark(content);
      if (mark?.series === plan.series) collected.push(mark);
      const { status } = await legacy.setReplyStatus(id, "COLLECTED");
      if (status >= 300) refused[status] = (refused[status] ?? 0) + 1;
    }
    empty = replies.length === 0 ? empty + 1 : 0;
    if (empty > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return { accepted: collected.length, refused, collected };
}
