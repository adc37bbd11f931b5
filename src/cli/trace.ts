import type { LetterDetail } from "../ops/letter-schema.ts";
import type { Cli } from "./cli.ts";
import { lines, safeText, spanText, table } from "./output.ts";
import type { AddCommand } from "./program.ts";
import { clockTexts, decisionText, readLetter } from "./show.ts";

export const addTrace: AddCommand = (parent, cli) => {
  parent
    .command("trace <id>")
    .description("The life of one letter, hop by hop, with durations, and what to do next.")
    .action(async (id: string) => {
      const letter = await readLetter(cli(), id);
      cli().print(letter, () => renderTrace(cli(), letter));
    });
};

function renderTrace({ style }: Cli, letter: LetterDetail): string {
  const { steps, room, acceptedAt, settledAt } = letter;
  const rows = steps.map(({ at, step, detail }, n) => {
    const before = steps[n - 1]?.at ?? at;
    return [
      at.toISOString(),
      n === 0 ? "" : `+${spanText(at.getTime() - before.getTime())}`,
      detail === undefined ? safeText(step) : `${safeText(step)}: ${safeText(detail)}`,
    ];
  });
  const total = settledAt ? ` after ${spanText(settledAt.getTime() - acceptedAt.getTime())}` : "";
  const about = [
    `account ${letter.account}`,
    letter.direction,
    `conversation ${letter.conversation}`,
    ...(room === undefined ? [] : [`room ${room}`]),
  ];
  const copy = letter.copyOf === undefined ? "" : `; copy of ${letter.copyOf}`;
  return (
    lines([
      style.bold(`Letter ${letter.id}`),
      about.map(safeText).join(", "),
      `decided: ${safeText(decisionText(letter) + copy)}`,
      ...Object.entries(clockTexts(letter)).map(([name, text]) => `${name}: ${safeText(text)}`),
      "",
    ]) +
    table(["TIME", "AFTER", "STEP"], rows) +
    lines(["", `${letter.state}${total}. Next: ${letter.next}`])
  );
}
