import { busySeconds, cpuSeconds } from "./process.ts";

/** What a stretch of work cost, in seconds of CPU. */
export interface Usage {
  readonly gatewayCpu: number;
  /** This process: senders, simulated homeserver, look-ups. */
  readonly benchCpu: number;
  /** Whatever else ran on the machine. Above a few percent the figures say little about the gateway. */
  readonly otherCpu: number;
}

export interface Clock {
  /** Seconds from the start to a moment, given in milliseconds since 1970. */
  since(at: number): number;
  /** Up to now. */
  usage(): Usage;
}

/** Begins now. `others`: further processes that belong to the bench. */
export function startClock(gateway: number, others: readonly number[] = []): Clock {
  const start = Date.now();
  const read = () => ({
    busy: busySeconds(),
    gateway: cpuSeconds(gateway),
    others: others.reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    bench: cpuSeconds(process.pid),
  });
  const first = read();
  return {
    since: (at) => Math.max(at - start, 1) / 1_000,
    usage() {
      const now = read();
      const [gatewayCpu, benchCpu] = [now.gateway - first.gateway, now.bench - first.bench];
      const known = gatewayCpu + benchCpu + (now.others - first.others);
      const otherCpu = Math.max(0, now.busy - first.busy - known);
      return { gatewayCpu, benchCpu, otherCpu };
    },
  };
}

/** Facts beside a figure. */
export function usageFacts(usages: readonly Usage[], seconds: number) {
  const cores = (key: keyof Usage) => usages.reduce((sum, usage) => sum + usage[key], 0) / seconds;
  return {
    "cores used by gateway": cores("gatewayCpu"),
    "by bench": cores("benchCpu"),
    [OTHERS]: cores("otherCpu"),
  };
}

export const OTHERS = "by others";
