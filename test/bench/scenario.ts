import type { Figure } from "./figures.ts";
import type { Books } from "./letters.ts";
import type { Plan } from "./plan.ts";

/** What a scenario is given. */
export interface Ground {
  readonly plan: Plan;
  /** An empty folder of its own. */
  readonly dir: string;
  /** For the gateway's process. */
  readonly env: Readonly<Record<string, string>>;
  /** What goes on at the moment. */
  say(text: string): void;
}
export interface Findings {
  readonly figures: readonly Figure[];
  readonly books: readonly Books[];
}
export interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Why it cannot run on this machine. */
  unavailable?(): string | undefined;
  run(ground: Ground): Promise<Findings>;
}
