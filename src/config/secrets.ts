import { statSync } from "node:fs";
import { resolve } from "node:path";
import { Secret, SettingsFile } from "../bridge/settings.ts";
import type { Fault } from "./messages.ts";
import { walkValues, type Outline } from "./outline.ts";

/** Stands in `config.example.yaml` for everything that has to be set; no value may contain it. */
export const PLACEHOLDER = "CHANGE-ME";

const MAX_SECRET_BYTES = 65_536;
const MAX_SETTINGS_FILE_BYTES = 10_000_000;
/** Fewer different characters than this were not drawn at random. */
const MIN_DIFFERENT = 8;
/** What people write when they mean to come back later; compared in lower case, without separators. */
const GUESSABLE = new Set(
  (
    "changeme geheim secret password passwort passwort123 password123 test test123 testtest admin root " +
    "token example beispiel postgres redis postfach matrix 123456 12345678 1234567890 qwertz qwerty"
  ).split(" "),
);

export type Environment = Readonly<Record<string, string | undefined>>;

export interface SecretsRead {
  readonly faults: readonly Fault[];
  /** What could be read, by path joined with dots; for checks that compare secrets. Never keep it. */
  readonly values: ReadonlyMap<string, string>;
}

/** Reads everything that the file names as kept elsewhere, and says what is wrong with it; changes nothing. */
export function readSecrets(
  outline: Outline,
  raw: unknown,
  baseDir: string,
  environment: Environment,
): SecretsRead {
  const faults: Fault[] = [];
  const values = new Map<string, string>();
  walkValues(outline, raw, (path, value, { kind, secretLength = 0 }) => {
    if (typeof value !== "string" || value.includes(PLACEHOLDER)) return;
    const found = readOne(kind, value, baseDir, environment);
    if (found === undefined) return;
    const weakness =
      found.secret === undefined ? found.fault : weaknessOf(found.secret, secretLength);
    if (weakness !== undefined) faults.push({ path, message: weakness });
    else if (found.secret !== undefined) values.set(path.join("."), found.secret);
  });
  return { faults, values };
}

function readOne(
  kind: string | undefined,
  source: string,
  baseDir: string,
  environment: Environment,
): { fault?: string; secret?: string } | undefined {
  try {
    if (kind === "secret" && /^(file|env):./.test(source)) {
      const exposed = faultOfFile(source, baseDir, MAX_SECRET_BYTES, true);
      if (exposed !== undefined) return { fault: exposed };
      const secret = new Secret(source);
      secret.load(baseDir, environment);
      return { secret: secret.reveal() };
    }
    if (kind !== "file" || !source.startsWith("file:")) return undefined;
    const fault = faultOfFile(source, baseDir, MAX_SETTINGS_FILE_BYTES, false);
    if (fault !== undefined) return { fault };
    new SettingsFile(source).load(baseDir);
    return {};
  } catch (error) {
    return { fault: unreadable(error, source, baseDir) };
  }
}

function faultOfFile(
  source: string,
  baseDir: string,
  limit: number,
  isSecret: boolean,
): string | undefined {
  if (!source.startsWith("file:")) return undefined;
  const path = pathOf(source, baseDir);
  const stat = statSync(path);
  if (stat.isDirectory()) return `${path} is a folder; name a file`;
  if (stat.size > limit) return `${path} is larger than ${limit} bytes; is it the right file?`;
  if (!isSecret || !stat.isFile() || process.platform === "win32") return undefined;
  // Others must not get at it; the group may, that is how service accounts are given access.
  if ((stat.mode & 0o007) === 0) return undefined;
  const mode = (stat.mode & 0o777).toString(8);
  return `${path} is open to every user of this machine (mode ${mode}); run: chmod o= ${path}`;
}

function unreadable(error: unknown, source: string, baseDir: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const path = source.startsWith("file:") ? pathOf(source, baseDir) : source;
  if (code === "ENOENT") return `the file ${path} does not exist`;
  if (code === "EACCES") return `the file ${path} may not be read by this user`;
  return message;
}

function pathOf(source: string, baseDir: string): string {
  return resolve(baseDir, source.slice("file:".length));
}

/** Why a secret is none; undefined for a good one. */
export function weaknessOf(secret: string, minLength: number): string | undefined {
  if (isGuessable(secret))
    return "the secret is a placeholder that everybody can guess; draw a new one";
  if (secret.length < minLength)
    return `the secret is too short (${secret.length} characters); needed: at least ${minLength}, for example: openssl rand -hex 32`;
  if (minLength > 0 && new Set(secret).size < MIN_DIFFERENT)
    return "the secret was not drawn at random; for example: openssl rand -hex 32";
  return undefined;
}

export function isGuessable(secret: string): boolean {
  if (secret.toUpperCase().includes(PLACEHOLDER)) return true;
  return GUESSABLE.has(secret.toLowerCase().replaceAll(/[\s_.-]/g, ""));
}

/** Values of the example file that nobody replaced. */
export function placeholdersIn(outline: Outline, raw: unknown): readonly Fault[] {
  const faults: Fault[] = [];
  walkValues(outline, raw, (path, value, { description }) => {
    if (typeof value !== "string" || !value.includes(PLACEHOLDER)) return;
    const about = description === undefined ? "" : `: ${description}`;
    faults.push({
      path,
      message: `is still the placeholder of config.example.yaml; set it${about}`,
    });
  });
  return faults;
}

/** Reads what a valid configuration names, so that `reveal`, `text` and `bytes` work. */
export function loadInto(value: unknown, baseDir: string, environment: Environment): void {
  if (value instanceof Secret) value.load(baseDir, environment);
  else if (value instanceof SettingsFile) value.load(baseDir);
  else if (typeof value === "object" && value !== null)
    for (const below of Object.values(value)) loadInto(below, baseDir, environment);
}

/** Frozen all the way down: nothing may change a setting while the gateway runs. */
export function freezeDeeply<T>(value: T): T {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  if (!Object.isFrozen(value)) {
    Object.freeze(value);
    for (const below of Object.values(value)) freezeDeeply(below);
  }
  return value;
}
