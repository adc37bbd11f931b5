import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import os from "node:os";
import { join } from "node:path";
import { percentile } from "./figures.ts";

/** USER_HZ: ticks per second in /proc/<pid>/stat; 100 on every Linux that Node runs on. */
const TICKS = 100;
const KIB = 1_024;

/** CPU time that a process has used so far, user and system, seconds (proc_pid_stat(5)). 0 without /proc. */
export function cpuSeconds(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}

/** CPU time that the whole machine has used so far, seconds (proc_stat(5)). 0 without /proc. */
export function busySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = readProc("/proc/stat")
    .split("\n", 1)
    .flatMap((line) => line.trim().split(/\s+/).slice(1).map(Number));
  return (user + nice + system + irq + softirq) / TICKS;
}

/** Resident memory of a process, now and at its highest since `resetPeak`, bytes (proc_pid_status(5)). */
export function residentBytes(pid: number): { now: number; peak: number } {
  const status = readProc(`/proc/${pid}/status`);
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? Number.NaN) * KIB;
  return { now: field("VmRSS"), peak: field("VmHWM") };
}

/** The highest resident size counts anew from now on (proc_pid_clear_refs(5), value 5). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function readProc(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

export interface Machine {
  readonly kind: string;
  readonly node: string;
  /** One write of 4 KiB and its fsync on the disk that the gateway's data lie on, median, milliseconds. */
  readonly fsyncMs: number;
}

export function describeMachine(dir: string): Machine {
  const gib = Math.round(os.totalmem() / 2 ** 30);
  const kind = `${os.availableParallelism()} cores, ${gib} GiB`;
  return { kind, node: process.version, fsyncMs: measureFsync(dir) };
}

const FSYNCS = 200;

function measureFsync(dir: string): number {
  const file = join(dir, "fsync");
  const handle = openSync(file, "w");
  const page = Buffer.alloc(4_096, 0x61);
  const times: number[] = [];
  for (let n = 0; n < FSYNCS; n += 1) {
    const start = performance.now();
    writeSync(handle, page);
    fsyncSync(handle);
    times.push(performance.now() - start);
  }
  closeSync(handle);
  rmSync(file);
  return percentile(times, 0.5);
}
