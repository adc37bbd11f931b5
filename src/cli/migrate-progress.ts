import type { MigrationRun } from "../migrate/feed.ts";
import type { Terminal } from "./output.ts";

/** A progress line: on a terminal four times a second, in a log once in ten seconds. */
const TTY_MS = 250;
const LOG_MS = 10_000;
const BAR = 28;

type Progress = Pick<MigrationRun, "done" | "total">;

/** On standard error, so that --json stays one document. `clock`: milliseconds that only grow. */
export function progressOf(
  terminal: Terminal,
  clock: () => number = () => performance.now(),
): (run: Progress) => void {
  const began = clock();
  let [last, first] = [Number.NEGATIVE_INFINITY, -1];
  return ({ done, total }) => {
    const now = clock();
    if (first < 0) first = done;
    if (now - last < (terminal.isTty ? TTY_MS : LOG_MS) && done < total) return;
    last = now;
    const rate = (done - first) / Math.max(0.001, (now - began) / 1_000);
    const text = progressText({ done, total }, rate, terminal.isTty);
    const end = done === total ? "\n" : "";
    terminal.writeError(terminal.isTty ? `\r\u001B[2K${text}${end}` : `${text}\n`);
  };
}

/** At most 79 columns, so that a terminal of 80 never wraps. `rate`: letters per second since this start. */
export function progressText({ done, total }: Progress, rate: number, bar: boolean): string {
  const rest = rate > 0 && done < total ? `, ${timeText((total - done) / rate)} left` : "";
  const text = `${done}/${total} letters, ${rate.toFixed(1)}/s${rest}`;
  if (!bar) return text;
  const share = total === 0 ? 1 : done / total;
  const full = Math.floor(share * BAR);
  const percent = `${Math.floor(share * 100)}%`.padStart(4);
  return `[${"#".repeat(full)}${"-".repeat(BAR - full)}]${percent} ${text}`.slice(0, 79);
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.ceil(whole / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
