import { makeBaselines } from "./baseline.ts";
import { usageFacts } from "./clock.ts";
import { atLeast, type Figure } from "./figures.ts";
import { booksOfDoor, booksOfRooms, flowIn, flowOut, type OutFlow } from "./flow.ts";
import { AIMS, type Plan } from "./plan.ts";
import { overSynapse } from "./over-synapse.ts";
import type { Findings } from "./scenario.ts";
import type { Stage } from "./stage.ts";

/** Over a real Synapse, compared with a bare loop of sends to the same Synapse. */
export const ratio = overSynapse(
  "ratio",
  "share of what a bare loop of sends reaches on the same Synapse",
  compare,
);

async function compare(stage: Stage, plan: Plan, say: (text: string) => void): Promise<Findings> {
  const { pairs, messages } = plan.ratio;
  const alone = await makeBaselines(stage, plan);
  const sentIn: Record<string, number> = {};
  const sentOut: Record<string, number> = {};
  const through = {
    async in(name: string) {
      sentIn[`in${name}`] = messages;
      return flowIn(stage, plan, `in${name}`, messages);
    },
    async out(name: string) {
      sentOut[`out${name}`] = messages;
      return flowOut(stage, plan, `out${name}`, messages);
    },
  };
  say("warming up");
  await alone.ghosts(messages);
  await through.in("warm");
  await alone.people(messages);
  await through.out("warm");
  const inwards = await alternate(pairs, {
    bare: () => alone.ghosts(messages),
    gateway: (name) => through.in(name),
    say: (text) => say(`legacy → Matrix, ${text}`),
  });
  const outwards = await alternate(pairs, {
    bare: () => alone.people(messages),
    gateway: (name) => through.out(name),
    say: (text) => say(`Matrix → legacy, ${text}`),
  });
  say("reading what arrived");
  const books = [
    ...(await booksOfRooms(stage, plan, sentIn)),
    ...(await booksOfDoor(stage, plan, sentOut)),
  ];
  const total = pairs * messages;
  const inSeconds = sum(inwards.flows.map(({ seconds }) => seconds));
  const figures: Figure[] = [
    {
      ...{ id: "ratio-in", what: "legacy → Matrix over Synapse, share of the bare loop", unit: "" },
      value: inwards.bareSeconds / inSeconds,
      aim: atLeast(AIMS.ratio),
      facts: {
        "gateway letters/s": total / inSeconds,
        "bare sends/s": total / inwards.bareSeconds,
        "gateway requests per letter": sum(inwards.flows.map(({ requests }) => requests)) / total,
        ...usageFacts(inwards.flows, inSeconds),
      },
    },
    outFigure(outwards, total),
  ];
  return { figures, books };
}

/** For each letter the homeserver takes the person's event and the gateway's statuses: all of them are sends. */
function outFigure({ bareSeconds, flows }: Rounds<OutFlow>, total: number): Figure {
  const saidSeconds = sum(flows.map((flow) => flow.saidSeconds));
  const requests = sum(flows.map((flow) => flow.requests));
  const sends = (total + requests) / saidSeconds;
  const bare = total / bareSeconds;
  return {
    ...{ id: "ratio-out", what: "Matrix → legacy over Synapse, sends as share of the bare loop" },
    ...{ value: sends / bare, unit: "", aim: atLeast(AIMS.ratio) },
    facts: {
      "letters/s": total / sum(flows.map(({ seconds }) => seconds)),
      "sends/s with statuses": sends,
      "bare sends/s": bare,
      "gateway requests per letter": requests / total,
      ...usageFacts(flows, saidSeconds),
    },
  };
}

interface Rounds<T> {
  readonly bareSeconds: number;
  readonly flows: readonly T[];
}

/** A B, B A, A B …: what drifts on the machine meanwhile meets both alike. */
async function alternate<T>(
  pairs: number,
  {
    bare,
    gateway,
    say,
  }: {
    bare: () => Promise<number>;
    gateway: (name: string) => Promise<T>;
    say: (text: string) => void;
  },
): Promise<Rounds<T>> {
  let bareSeconds = 0;
  const flows: T[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    say(`round ${pair + 1} of ${pairs}`);
    const name = String.fromCharCode("a".charCodeAt(0) + pair);
    if (pair % 2 === 0) bareSeconds += await bare();
    flows.push(await gateway(name));
    if (pair % 2 === 1) bareSeconds += await bare();
  }
  return { bareSeconds, flows };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
