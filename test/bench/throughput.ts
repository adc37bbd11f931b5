import { makeBaselines } from "./baseline.ts";
import { usageFacts } from "./clock.ts";
import { atLeast, type Figure } from "./figures.ts";
import { booksOfDoor, booksOfRooms, flowIn, flowOut, type Flow } from "./flow.ts";
import { AIMS } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import { startStage } from "./stage.ts";

const WARM_UP = 200;

/** Letters per second through the core, over the simulated homeserver. */
export const throughput: Scenario = {
  name: "throughput",
  title: "letters per second, simulated homeserver, bench bridge, SQLite with full fsync",
  async run({ plan, dir, env, say }) {
    say("starting homeserver and gateway");
    const stage = await startStage({ dir, kind: "simulated", plan, env });
    try {
      const alone = await makeBaselines(stage, plan);
      const { letters } = plan;
      say("measuring the senders by themselves");
      const feeder = letters / (await alone.feeder(letters));
      const ghosts = letters / (await alone.ghosts(letters));
      const people = letters / (await alone.people(letters));
      say("warming up");
      await flowIn(stage, plan, "warmin", WARM_UP);
      await flowOut(stage, plan, "warmout", WARM_UP);
      say(`${letters} letters, legacy → Matrix`);
      const into = await flowIn(stage, plan, "in", letters);
      say(`${letters} letters, Matrix → legacy`);
      const out = await flowOut(stage, plan, "out", letters);
      say("reading what arrived");
      const books = [
        ...(await booksOfRooms(stage, plan, { warmin: WARM_UP, in: letters })),
        ...(await booksOfDoor(stage, plan, { warmout: WARM_UP, out: letters })),
      ];
      const inFacts = { "sender alone": feeder, "homeserver alone": ghosts };
      const outFacts = {
        "sender alone": people,
        "with every status said": letters / out.saidSeconds,
      };
      const figures: Figure[] = [
        rate("letters-in", "legacy → Matrix, simulated homeserver", into, inFacts),
        rate("letters-out", "Matrix → legacy, simulated homeserver", out, outFacts),
        {
          id: "cases-opened",
          what: "first letters of new cases (ghost, space, room, invitation)",
          value: plan.conversations / stage.openingSeconds,
          unit: "/s",
        },
      ];
      return { figures, books };
    } finally {
      await stage.close();
    }
  },
};

function rate(
  id: string,
  what: string,
  flow: Flow,
  facts: Readonly<Record<string, number | string>>,
): Figure {
  const { letters, seconds, sendSeconds, gatewayCpu } = flow;
  return {
    ...{ id, what, value: letters / seconds, unit: "/s" },
    aim: atLeast(AIMS.lettersPerSecond),
    facts: {
      "handed in at": letters / sendSeconds,
      ...facts,
      "CPU per letter (ms)": (gatewayCpu * 1_000) / letters,
      ...usageFacts([flow], seconds),
    },
  };
}
