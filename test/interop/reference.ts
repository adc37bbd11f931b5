import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../../deploy/tools/paths.mjs";
import { declareUnavailable, type Availability } from "../support/services/availability.ts";

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL("./java", import.meta.url));
const CLASSES = path.join(cacheFolder, "interop", "classes");
const JOB_MS = 90_000;
const MAX_OUTPUT = 16_000_000;
const HOW =
  "set OSCI_REFERENCE to a folder with the OSCI reference library (how to lay it out: docs/interop.md)";

/** Ways in which the reference library signs and encrypts; one job uses one of them. */
export const VARIANTS = ["default", "pss", "sha512", "ecdsa", "iv16"] as const;
export type Variant = (typeof VARIANTS)[number];

export interface Deposit {
  readonly messageId: string;
  readonly issued: readonly string[];
  readonly feedback: readonly string[];
  readonly creation: string;
  /** SHA-256 of each document (`container/id`) and file (`cid:name`), hex. */
  readonly sent: Readonly<Record<string, string>>;
}
export interface Collection {
  readonly opened: readonly string[];
  readonly last: readonly string[];
  readonly closed: readonly string[];
  readonly deliveries: readonly {
    readonly messageId: string;
    readonly subject: string | null;
    readonly creation: string;
    readonly contentSignatures: Readonly<Record<string, boolean>>;
    readonly customHeaders: readonly string[];
    readonly read: Readonly<Record<string, string>>;
  }[];
}
export interface Cards {
  readonly feedback: readonly string[];
  readonly cards: readonly {
    readonly messageId: string;
    readonly creation: string | null;
    readonly forwarding: string | null;
    readonly reception: string | null;
    readonly inspections: number;
  }[];
}

/** The reference library as a participant: a Java program of ours around it, one process a job. */
export interface Peer {
  deposit(job: Job & { addressee: string; subject: string }): Promise<Deposit>;
  collect(job: Job): Promise<Collection>;
  cards(job: Job & { message: string }): Promise<Cards>;
}
/** Names of files, and what `test/interop/java/Peer.java` says of each property. */
export type Job = Readonly<Record<string, string>> & { readonly variant: Variant };

/** Compiles the program. Skipped aloud without the library or without Java. */
export async function useReference(): Promise<Availability<{ readonly peer: Peer }>> {
  const folder = process.env["OSCI_REFERENCE"];
  if (folder === undefined || folder === "") return declareUnavailable("interop", HOW);
  const file = path.join(folder, "classpath");
  if (!fs.existsSync(file)) return declareUnavailable("interop", `${file} is missing; ${HOW}`);
  const library = fs.readFileSync(file, "utf8").trim();
  fs.mkdirSync(CLASSES, { recursive: true });
  const sources = fs.readdirSync(SOURCES).map((name) => path.join(SOURCES, name));
  const flags = ["-nowarn", "-encoding", "UTF-8", "-cp", library, "-d", CLASSES];
  try {
    await run("javac", [...flags, ...sources]);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "ENOENT") return declareUnavailable("interop", "there is no javac (JDK 17)");
    throw error;
  }
  const classpath = [CLASSES, library].join(path.delimiter);
  const job = async <T>(name: string, properties: Job): Promise<T> =>
    JSON.parse(await runJob(classpath, { ...properties, job: name })) as T;
  const peer: Peer = {
    deposit: (properties) => job("deposit", properties),
    collect: (properties) => job("collect", properties),
    cards: (properties) => job("cards", properties),
  };
  return { available: true, peer };
}

async function runJob(classpath: string, properties: Record<string, string>): Promise<string> {
  const folder = fs.mkdtempSync(path.join(cacheFolder, "interop", "job-"));
  try {
    const file = path.join(folder, "job.properties");
    fs.writeFileSync(file, Object.entries(properties).map(writeProperty).join(""));
    const options = { timeout: JOB_MS, maxBuffer: MAX_OUTPUT };
    // The locale decides nothing but the language of the library's own texts.
    const args = ["-Duser.language=de", "-cp", classpath, "Peer", file];
    const { stdout } = await run("java", args, options);
    const last = stdout.trim().split("\n").at(-1);
    if (last === undefined || last === "") throw new Error("the peer printed nothing");
    return last;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** java.util.Properties: backslashes and line breaks are escaped, everything else stands as it is. */
function writeProperty([key, value]: [string, string]): string {
  return `${key}=${value.replace(/\\/g, "\\\\").replace(/\n/g, "\\n")}\n`;
}
