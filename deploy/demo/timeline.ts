import { styleText } from "node:util";

/** Prints the journey as a readable timeline: who, what, and the real ids. */
export interface Timeline {
  chapter(title: string): void;
  say(who: string, what: string, facts?: Readonly<Record<string, string | number>>): void;
  /** What a command printed, so many lines of it. */
  show(output: string, lines: number): void;
  /** A claim that was checked; a false one ends the journey. */
  check(what: string, ok: boolean, found?: string): void;
  readonly checks: number;
}

const WHO_WIDTH = 18;

export function createTimeline(out: NodeJS.WriteStream = process.stdout): Timeline {
  const colour = out.isTTY === true;
  const style = (format: Parameters<typeof styleText>[0], text: string) =>
    colour ? styleText(format, text) : text;
  const time = () => style("dim", new Date().toISOString().slice(11, 23));
  let checks = 0;
  return {
    chapter(title) {
      out.write(`\n${style("bold", title)}\n`);
    },
    say(who, what, facts = {}) {
      out.write(`  ${time()}  ${style("cyan", who.padEnd(WHO_WIDTH))} ${what}\n`);
      for (const [name, value] of Object.entries(facts))
        out.write(`${" ".repeat(WHO_WIDTH + 17)}${style("dim", `${name}: ${value}`)}\n`);
    },
    show(output, lines) {
      for (const line of output.split("\n").slice(0, lines)) out.write(`      ${line}\n`);
    },
    check(what, ok, found) {
      checks += 1;
      if (!ok)
        throw new Error(`geprüft und falsch: ${what}${found ? ` (gefunden: ${found})` : ""}`);
      out.write(`  ${time()}  ${style("green", "✓ geprüft".padEnd(WHO_WIDTH))} ${what}\n`);
    },
    get checks() {
      return checks;
    },
  };
}
