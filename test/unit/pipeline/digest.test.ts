import { describe, expect, it } from "vitest";
import { digestOfLetter } from "../../../src/pipeline/letter-digest.ts";
import type { ActionRequest, IncomingMessage } from "../../../src/model/message.ts";
import { messageSample } from "../matrix/samples.ts";

const request: ActionRequest = {
  name: "eeb",
  title: "Empfangsbekenntnis",
  deadline: new Date("2026-11-21T22:59:00.000Z"),
  choices: [
    {
      name: "abgeben",
      label: "Empfang bestätigen",
      argument: { label: "Datum", kind: "date", required: true },
    },
  ],
};
const letter = (changes: Partial<IncomingMessage> = {}): IncomingMessage => messageSample(changes);
const digest = (changes: Partial<IncomingMessage> = {}) => digestOfLetter(letter(changes));

describe("digest of a letter", () => {
  it("stays what it was for letters of earlier versions: a duplicate must not become a conflict", () => {
    // Computed by the version before acts; databases are full of such digests.
    expect(digest()).toBe("70be3d1f656f3be3d034a3c4389dedb7628f8aa0bd406f982e1dc2923f35128e");
  });

  it("changes with the act and with what is asked for", () => {
    const action = { name: "eeb", choice: "abgeben", argument: "2026-11-21" };
    const all = [
      digest(),
      digest({ action }),
      digest({ action: { ...action, argument: "2026-11-22" } }),
      digest({ action: { ...action, choice: "ablehnen" } }),
      digest({ action: { name: "eeb", choice: "abgeben" } }),
      digest({ request }),
      digest({ request: { ...request, deadline: new Date("2026-12-21T22:59:00.000Z") } }),
      digest({ request: { ...request, choices: [{ name: "abgeben", label: "x" }] } }),
      digest({ request: { ...request, choices: [{ name: "abgeben", label: "x", hint: "y" }] } }),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it("does not depend on the order of keys, nor on what a check found", () => {
    const [choice] = request.choices;
    if (!choice) throw new Error("no choice");
    const { name, title, deadline } = request;
    const turned = {
      choices: [{ argument: choice.argument, label: choice.label, name: choice.name }],
    };
    const again = { ...turned, ...(deadline ? { deadline } : {}), title, name } as ActionRequest;
    expect(digest({ request: again })).toBe(digest({ request }));
    expect(digest({ details: [{ label: "Signatur", value: "gültig" }] })).toBe(digest());
  });
});
