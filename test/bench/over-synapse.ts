import { findSynapse } from "../../deploy/tools/synapse.mjs";
import type { Plan } from "./plan.ts";
import type { Findings, Scenario } from "./scenario.ts";
import { startStage, type Stage } from "./stage.ts";

/** A scenario with a gateway beside a real Synapse; skipped, with the reason, where there is none. */
export function overSynapse(
  name: string,
  title: string,
  measure: (stage: Stage, plan: Plan, say: (text: string) => void) => Promise<Findings>,
): Scenario {
  return {
    ...{ name, title },
    unavailable() {
      const found = findSynapse();
      return "reason" in found ? (process.env["POSTFACH_NO_SYNAPSE"] ?? found.reason) : undefined;
    },
    async run({ plan, dir, env, say }) {
      say("starting Synapse and gateway");
      const stage = await startStage({ dir, kind: "synapse", plan, env });
      try {
        return await measure(stage, plan, say);
      } finally {
        await stage.close();
      }
    },
  };
}
