/** How a letter would go, or why it cannot: every reason once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Metadata } from "../../../bridges/fink/federation/metadata.ts";
import { BUILT_IN_NAMES } from "../../../bridges/fink/federation/profile.ts";
import { resolveRoute, type RoutingView } from "../../../bridges/fink/federation/resolve.ts";
import {
  entityOf,
  Folder,
  makePeople,
  NOW,
  NW,
  PARTICIPANTS,
  read,
  settingsOf,
  signed,
  TH,
  type People,
} from "./federation-support.ts";

const folder = new Folder();
const OTHER = "https://idp.other.example/saml";
const live = { state: "production", since: "2020-07-01" };
let people: People;
let metadata: Metadata;
let pin: string;
beforeAll(async () => {
  people = await makePeople();
  pin = folder.pem("node.pem", people.node);
  const text = signed(people, [
    entityOf(people),
    entityOf(people, { entityId: NW, mailbox: undefined } as never),
    entityOf(people, { entityId: OTHER }),
  ]);
  metadata = await read(people, text);
});
afterAll(() => folder.remove());

interface Given {
  readonly federation?: Record<string, unknown>;
  /** Of TH. */
  readonly participant?: Record<string, unknown>;
  readonly view?: Partial<RoutingView>;
  readonly entityId?: string;
  readonly mailbox?: string;
}

function decide({ federation = {}, participant = {}, view = {}, ...given }: Given) {
  const [th, ...others] = PARTICIPANTS.list;
  const participants = { ...PARTICIPANTS, list: [{ ...th, ...participant }, ...others] };
  const base = { metadata: { url: "https://md.example", pins: [pin] } };
  return resolveRoute(
    {
      settings: settingsOf({ ...base, ...federation }, participants),
      profile: BUILT_IN_NAMES,
      standing: "current",
      entities: metadata.entities,
      gone: {},
      now: NOW,
      ...view,
    },
    given.entityId ?? TH,
    given.mailbox ?? "postfach-1",
  );
}
const account = (more: object) => ({ ...live, entityIds: [TH], ...more });
const adapter = (name: string) => ({ mailbox: { ...live, adapter: name } });
const changed = (more: object): Partial<RoutingView> => {
  const entity = metadata.entities.get(TH);
  if (!entity) throw new Error("no entity");
  return { entities: new Map([[TH, { ...entity, ...more }]]) };
};

describe("there is a way", () => {
  test("by the metadata", () => {
    const decision = decide({});
    expect(decision).toMatchObject({
      kind: "route",
      route: {
        entityId: TH,
        participant: "TH",
        mailbox: "postfach-1",
        transport: "as4-access-point",
        endpoint: "https://as4.th.example/msh",
        by: "metadata",
        level: 4,
      },
    });
    expect(decision.because.join("\n")).toContain("endpoint by metadata");
    // Signing and encryption are one certificate here.
    expect(decision.kind === "route" && decision.route.certificates).toHaveLength(1);
  });

  test("by an override, which goes before the metadata", () => {
    const overrides = [{ entityId: TH, endpoint: "https://node.example/x", transport: "bsp-soap" }];
    expect(decide({ federation: { overrides } })).toMatchObject({
      route: { by: "override", endpoint: "https://node.example/x", transport: "bsp-soap" },
    });
  });

  test("by an override alone, where nothing is published", () => {
    const overrides = [{ entityId: NW, endpoint: "https://node.example/x" }];
    expect(decide({ federation: { overrides }, entityId: NW })).toMatchObject({
      route: { by: "override", participant: "NW", transport: "as4-access-point" },
    });
  });

  test("outside of the federation, with its own certificate, whatever the metadata are", () => {
    const overrides = [
      { entityId: TH, endpoint: "https://node.example/x", listed: false, certificates: pin },
    ];
    const view = { standing: "expired", entities: new Map() } as const;
    expect(decide({ federation: { overrides }, view })).toMatchObject({ kind: "route" });
    const gone = { [TH]: NOW.toISOString() };
    expect(decide({ federation: { overrides }, view: { ...view, gone } })).toMatchObject({
      reason: "PARTICIPANT_REMOVED",
    });
  });

  test("with both certificates while the node changes its own", async () => {
    const keys = [
      { certPem: people.node.certPem },
      { use: "signing" as const, certPem: people.nextNode.certPem },
    ];
    const { entities } = await read(people, signed(people, [entityOf(people, { keys })]));
    const decision = decide({ view: { entities } });
    expect(decision.kind === "route" && decision.route.certificates).toHaveLength(2);
  });

  test("on the test stage for pilots without an agreement", () => {
    const pilot = {
      agreement: "none",
      account: { state: "pilot", entityIds: [TH] },
      mailbox: { state: "pilot", adapter: "as4-pfisk" },
    };
    expect(decide({ participant: pilot, federation: { stage: "test" } })).toMatchObject({
      kind: "route",
    });
    expect(decide({ participant: pilot })).toMatchObject({ reason: "NOT_AGREED" });
  });

  test("while the metadata are old but valid", () => {
    expect(decide({ view: { standing: "old" } })).toMatchObject({ kind: "route" });
  });
});

describe("there is none", () => {
  const retired = {
    account: account({ state: "retired" }),
    mailbox: { ...live, state: "retired" },
  };
  const future = { since: "2999-01", adapter: "as4-pfisk" };
  const fixed = { entityId: TH, endpoint: "https://node.example" };
  const cases: [string, string, "wait" | "never", () => Given][] = [
    ["METADATA_MISSING", "no copy yet", "wait", () => ({ view: { standing: "missing" } })],
    ["METADATA_EXPIRED", "the list is over", "wait", () => ({ view: { standing: "expired" } })],
    [
      "METADATA_EXPIRED",
      "the list is over, and an override needs it",
      "wait",
      () => ({ view: { standing: "expired" }, federation: { overrides: [fixed] } }),
    ],
    [
      "ENTITY_EXPIRED",
      "the entity is over",
      "wait",
      () => ({ view: changed({ validUntil: new Date(NOW.getTime() - 1) }) }),
    ],
    [
      "PARTICIPANT_REMOVED",
      "left the federation",
      "wait",
      () => ({ view: { entities: new Map(), gone: { [TH]: NOW.toISOString() } } }),
    ],
    [
      "NOT_LISTED",
      "known, but not in the metadata",
      "wait",
      () => ({ view: { entities: new Map() } }),
    ],
    [
      "PARTICIPANT_UNKNOWN",
      "nobody knows it",
      "never",
      () => ({ entityId: "https://evil.example" }),
    ],
    [
      "PARTICIPANT_UNKNOWN",
      "a name out of Object.prototype",
      "never",
      () => ({ entityId: "__proto__" }),
    ],
    [
      "PARTICIPANT_UNCONFIGURED",
      "listed, but without roll-out facts",
      "wait",
      () => ({ entityId: OTHER }),
    ],
    ["MAILBOX_INVALID", "an empty mailbox", "never", () => ({ mailbox: "" })],
    ["MAILBOX_INVALID", "a mailbox with a line break", "never", () => ({ mailbox: "a\nb" })],
    ["MAILBOX_INVALID", "a mailbox without end", "never", () => ({ mailbox: "a".repeat(513) })],
    [
      "RETIRED",
      "the account was given up",
      "never",
      () => ({ participant: { ...retired, successor: { code: "NW", from: "2024-07-31" } } }),
    ],
    [
      "RETIRED",
      "the account was given up without successor",
      "never",
      () => ({ participant: { ...retired, postalFallback: true } }),
    ],
    ["BLOCKED", "blocked", "wait", () => ({ participant: { blockedBecause: "Wartung" } })],
    [
      "NOT_LIVE",
      "not yet live",
      "wait",
      () => ({ participant: { mailbox: { state: "planned", plannedFor: "2027-Q2" } } }),
    ],
    [
      "NOT_LIVE",
      "live from a later date",
      "wait",
      () => ({ participant: { mailbox: { ...live, ...future } } }),
    ],
    ["NO_MAILBOX_NODE", "nothing is published", "wait", () => ({ entityId: NW })],
    [
      "ENTITY_INVALID",
      "what is published is broken",
      "wait",
      () => ({ view: changed({ mailbox: undefined, faults: ["endpoint"] }) }),
    ],
    [
      "ADAPTER_MISMATCH",
      "published is not configured",
      "wait",
      () => ({ participant: adapter("bsp-soap") }),
    ],
    [
      "NO_TRANSPORT",
      "an interface that is not spoken here",
      "wait",
      () => ({ participant: adapter("osi-v2"), federation: { overrides: [fixed] } }),
    ],
    ["NO_CERTIFICATE", "no valid certificate", "wait", () => ({ view: changed({ keys: [] }) })],
  ];
  test.each(cases)("%s: %s", (reason, _name, outlook, given) => {
    const decision = decide(given());
    expect(decision).toMatchObject({ kind: "none", reason, outlook });
    if (decision.kind !== "none") return;
    expect(decision.explanation).toMatch(/^[A-ZÄÖÜ].*\.$/);
    expect(decision.because.at(-1)).toBe(`stopped: ${reason}`);
    if (outlook === "wait") expect(decision.explanation).toContain("wartet");
  });

  test("NODE_NOT_ALLOWED: an address of the metadata that the operator did not allow", () => {
    const view = changed({
      mailbox: { endpoint: "https://10.0.0.1/inner", adapter: "bsp-soap", keyUses: [] },
    });
    const soap = adapter("bsp-soap");
    expect(decide({ view, participant: soap })).toMatchObject({
      reason: "NODE_NOT_ALLOWED",
      code: "EGRESS_REFUSED",
    });
    const nodes = ["https://10.0.0.1"];
    expect(decide({ view, participant: soap, federation: { nodes } })).toMatchObject({
      kind: "route",
    });
  });

  test("the successor is named to the sender", () => {
    const successor = { code: "NW", from: "2024-07-31" };
    const decision = decide({ participant: { ...retired, successor } });
    expect(decision.kind === "none" && decision.explanation).toContain(
      "Nordrhein-Westfalen (ab 31.07.2024)",
    );
  });
});
