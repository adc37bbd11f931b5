import { styleText } from "node:util";

/** Where a command writes; the process in real life, an array in tests. */
export interface Terminal {
  write(text: string): void;
  writeError(text: string): void;
  /** Colours and nothing else depend on it. */
  readonly isTty: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export const processTerminal: Terminal = {
  write: (text) => void process.stdout.write(text),
  writeError: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY && process.env["NO_COLOR"] === undefined,
  environment: process.env,
};

const MAX_CELL = 200;

/**
 * Text from outside as one line: control characters could move the cursor, hide text or write it backwards
 * (\p{Cf}: bidirectional marks).
 */
export function safeText(value: unknown): string {
  const text = typeof value === "string" ? value : value === undefined ? "" : String(value);
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "�");
  return plain.length > MAX_CELL ? `${plain.slice(0, MAX_CELL)}…` : plain;
}

/** Aligned columns, two spaces apart; the last one may be as long as it likes. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const texts = [head, ...rows.map((row) => row.map(safeText))];
  const widths = head.map((_, column) =>
    Math.max(...texts.map((row) => (row[column] ?? "").length)),
  );
  return lines(
    texts.map((row) =>
      row
        .map((cell, column) =>
          column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
        )
        .join("  ")
        .trimEnd(),
    ),
  );
}

/** `name  value` lines for one thing; what is undefined is left out. */
export function facts(entries: Readonly<Record<string, unknown>>): string {
  const known = Object.entries(entries).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...known.map(([name]) => name.length));
  return lines(known.map(([name, value]) => `${name.padEnd(width)}  ${safeText(value)}`));
}

export function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

export interface Style {
  good(text: string): string;
  bad(text: string): string;
  warn(text: string): string;
  dim(text: string): string;
  bold(text: string): string;
}
export function styleFor({ isTty }: Terminal): Style {
  const paint = (format: Parameters<typeof styleText>[0]) => (text: string) =>
    isTty ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: paint("green"),
    bad: paint("red"),
    warn: paint("yellow"),
    dim: paint("dim"),
    bold: paint("bold"),
  };
}

/** Milliseconds as people say them: 0.350 s, 12.4 s, 3 min 05 s, 2 h 10 min, 4 d 3 h. */
export function spanText(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 10) return `${seconds.toFixed(3)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const two = (large: number, small: number, names: readonly [string, string]) =>
    `${large} ${names[0]} ${String(small).padStart(2, "0")} ${names[1]}`;
  const whole = Math.floor(seconds);
  if (whole < 3_600) return two(Math.floor(whole / 60), whole % 60, ["min", "s"]);
  if (whole < 86_400)
    return two(Math.floor(whole / 3_600), Math.floor((whole % 3_600) / 60), ["h", "min"]);
  return two(Math.floor(whole / 86_400), Math.floor((whole % 86_400) / 3_600), ["d", "h"]);
}
