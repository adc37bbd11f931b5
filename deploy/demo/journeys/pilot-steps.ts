import type { Journey } from "./steps.ts";

export type Phase = "observe" | "mirror" | "matrix-first" | "matrix";

/** One step of the pilot: what changes, what goes wrong meanwhile, and where the long case stands afterwards. */
export interface Step {
  readonly title: string;
  readonly from: Phase;
  readonly to: Phase;
  readonly command: readonly string[];
  readonly trouble: Trouble;
  /** Phases of the open case while the plan changes, and after it. */
  readonly caseBetween: readonly Phase[];
  readonly caseAfter: Phase;
}
export interface Trouble {
  readonly says: string;
  begin(journey: Journey): Promise<void>;
  end(journey: Journey): Promise<void>;
}

const FAULTS = 10_000;

const clearFaults = ({ stack }: Journey): Promise<void> => {
  stack.bundid.zbp.faults.clear();
  return Promise.resolve();
};
const mailboxAway: Trouble = {
  says: "das BundID-Postfach antwortet gerade nicht (503)",
  begin: ({ stack }) => {
    stack.bundid.zbp.faults.arm({ kind: "status", status: 503, route: "send", times: FAULTS });
    return Promise.resolve();
  },
  end: clearFaults,
};
export const homeserverAway: Trouble = {
  says: "der Homeserver wird hart beendet",
  begin: ({ stack }) => stack.homeserver.kill(),
  end: ({ stack }) => stack.homeserver.restart(),
};

export const STEPS: readonly Step[] = [
  {
    title: "6.2  Schritt 1: observe → mirror. Das alte Postfach gilt, Matrix bekommt eine Kopie",
    ...{ from: "observe", to: "mirror", command: ["plan", "apply"], trouble: mailboxAway },
    ...{ caseBetween: ["observe", "mirror"], caseAfter: "mirror" },
  },
  {
    title:
      "6.3  Schritt 2: mirror → matrix-first. Matrix gilt, das alte Postfach bekommt eine Kopie",
    ...{ from: "mirror", to: "matrix-first", command: ["plan", "apply"], trouble: mailboxAway },
    ...{ caseBetween: ["mirror"], caseAfter: "mirror" },
  },
  {
    title: "6.4  Schritt 3: matrix-first → matrix; auch der offene Vorgang zieht jetzt um",
    ...{ from: "matrix-first", to: "matrix", trouble: mailboxAway },
    command: ["plan", "apply", "--move-conversations"],
    ...{ caseBetween: ["mirror", "matrix"], caseAfter: "matrix" },
  },
  {
    title: "6.5  Einen Schritt zurück: plan rollback, matrix → matrix-first",
    ...{ from: "matrix", to: "matrix-first", command: ["plan", "rollback"] },
    trouble: homeserverAway,
    ...{ caseBetween: ["matrix", "matrix-first"], caseAfter: "matrix-first" },
  },
];
