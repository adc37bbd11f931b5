/** One measured number, with what the project wants it to be. */
export interface Figure {
  readonly id: string;
  readonly what: string;
  readonly value: number;
  readonly unit: string;
  readonly aim?: Aim;
  /** Numbers that explain this one. */
  readonly facts?: Readonly<Record<string, number | string>>;
}
export interface Aim {
  readonly is: "below" | "at least";
  readonly value: number;
}

export const below = (value: number): Aim => ({ is: "below", value });
export const atLeast = (value: number): Aim => ({ is: "at least", value });

/** undefined: there is no aim for it. */
export function isMet({ value, aim }: Figure): boolean | undefined {
  if (!aim) return undefined;
  return aim.is === "below" ? value < aim.value : value >= aim.value;
}

/** Nearest rank: the smallest value that is not exceeded by `share` (0 to 1) of all. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = Math.max(1, Math.ceil(sorted.length * share));
  const value = sorted[rank - 1];
  if (value === undefined) throw new Error("no values were measured");
  return value;
}

/** Three digits that mean something. */
export function round(value: number): number {
  return Number(value.toPrecision(3));
}

/** A table in Markdown, so that a run can be kept in docs/bench.md as it was printed. */
export function renderFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { what, value, unit, aim } = figure;
    const wanted = aim ? `${aim.is} ${aim.value} ${unit}`.trim() : "";
    const met = isMet(figure);
    const verdict = met === undefined ? "" : met ? "met" : "MISSED";
    return [what, `${round(value)} ${unit}`.trim(), wanted, verdict, factText(figure)];
  });
  return renderTable(["what", "measured", "aim", "", "beside it"], rows);
}

function factText({ facts = {} }: Figure): string {
  return Object.entries(facts)
    .map(([name, fact]) => `${name} ${typeof fact === "number" ? round(fact) : fact}`)
    .join(", ");
}

export function renderTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (cells[column] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}
