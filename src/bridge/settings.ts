import { readFileSync } from "node:fs";
import { isAbsolute, resolve } from "node:path";
import { z } from "zod";

/**
 * Building blocks for the settings of the gateway and of bridges: one source for validation, the JSON Schema and
 * `config.example.yaml`. Files are named relative to the configuration file; they are read by the loader, not here.
 */

/** Something that is read from elsewhere and must never be printed. */
export class Secret {
  readonly source: string;
  #value: string | undefined;
  constructor(source: string) {
    this.source = source;
  }
  /** Reads it once. Throws the system's error when the file or variable is missing; empty values are refused. */
  load(baseDir: string, environment: Readonly<Record<string, string | undefined>>): void {
    const [kind, name] = splitSource(this.source);
    const raw =
      kind === "env" ? environment[name] : readFileSync(resolvePath(baseDir, name), "utf8");
    const value = raw?.replace(/\r?\n$/, "");
    if (value === undefined) throw new Error(`environment variable ${name} is not set`);
    if (value.trim() === "") throw new Error(`${this.source} is empty`);
    this.#value = value;
  }
  /** The value. Call it at the place of use; never keep the result in a structure that may be logged. */
  reveal(): string {
    if (this.#value === undefined) throw new Error(`secret ${this.source} was not loaded`);
    return this.#value;
  }
  toString(): string {
    return "[secret]";
  }
  toJSON(): string {
    return "[secret]";
  }
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return "[secret]";
  }
}

/** A file that the settings name and that is no secret (a certificate, a profile). */
export class SettingsFile {
  readonly source: string;
  #path: string | undefined;
  #bytes: Buffer | undefined;
  constructor(source: string) {
    this.source = source;
  }
  load(baseDir: string): void {
    this.#path = resolvePath(baseDir, splitSource(this.source)[1]);
    this.#bytes = readFileSync(this.#path);
  }
  get path(): string {
    if (this.#path === undefined) throw new Error(`file ${this.source} was not loaded`);
    return this.#path;
  }
  get bytes(): Buffer {
    if (this.#bytes === undefined) throw new Error(`file ${this.source} was not loaded`);
    return this.#bytes;
  }
  get text(): string {
    return this.bytes.toString("utf8");
  }
  toJSON(): string {
    return this.source;
  }
}

function splitSource(source: string): [string, string] {
  const colon = source.indexOf(":");
  return [source.slice(0, colon), source.slice(colon + 1)];
}
function resolvePath(baseDir: string, path: string): string {
  return isAbsolute(path) ? path : resolve(baseDir, path);
}

/** `file:<path>` or `env:<NAME>`; a literal secret is refused. */
export function secret() {
  return z
    .string()
    .regex(/^(file|env):.+$/, "must name where the secret is kept: file:<path> or env:<NAME>")
    .transform((source) => new Secret(source))
    .meta({ kind: "secret" });
}

/** `file:<path>`. */
export function settingsFile() {
  return z
    .string()
    .regex(/^file:.+$/, "must be file:<path>")
    .transform((source) => new SettingsFile(source))
    .meta({ kind: "file" });
}

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `500ms`, `10s`, `5m`, `72h`, `7d` → milliseconds. */
export function duration() {
  return z
    .string()
    .regex(/^\d{1,6}(ms|s|m|h|d)$/, "must be a duration such as 500ms, 10s, 5m, 72h or 7d")
    .transform((text) => {
      const unit = text.replace(/^\d+/, "") as keyof typeof UNITS;
      return Number.parseInt(text, 10) * UNITS[unit];
    })
    .meta({ kind: "duration" });
}

const BYTES = { B: 1, kB: 1000, MB: 1_000_000, GB: 1_000_000_000 } as const;

/** `64kB`, `2MB`, `1GB` (powers of 1000) → bytes. */
export function byteSize() {
  return z
    .string()
    .regex(/^\d{1,6}(B|kB|MB|GB)$/, "must be a size such as 500kB, 2MB or 1GB")
    .transform((text) => {
      const unit = text.replace(/^\d+/, "") as keyof typeof BYTES;
      return Number.parseInt(text, 10) * BYTES[unit];
    })
    .meta({ kind: "size" });
}

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}
/** `127.0.0.1:9009` or `[::1]:9009`. */
export function listenAddress() {
  return z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[^\s:[\]]+):\d{1,5}$/, "must be <address>:<port>")
    .transform((text): ListenAddress => {
      const colon = text.lastIndexOf(":");
      return {
        host: text.slice(0, colon).replace(/^\[|\]$/g, ""),
        port: Number(text.slice(colon + 1)),
      };
    })
    .refine((address) => address.port <= 65_535, "the port must be 0 to 65535")
    .meta({ kind: "listen" });
}

/** An absolute http(s) URL without user, query and fragment; a trailing slash is cut. */
export function baseUrl(schemes: readonly ("http" | "https")[] = ["http", "https"]) {
  return z
    .string()
    .refine(
      (text) => isBaseUrl(text, schemes),
      `must be an absolute ${schemes.join(" or ")} URL without user, query or fragment`,
    )
    .transform((text) => text.replace(/\/+$/, ""))
    .meta({ kind: "url" });
}
function isBaseUrl(text: string, schemes: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (
    schemes.includes(url.protocol.slice(0, -1)) &&
    url.username === "" &&
    url.password === "" &&
    url.search === "" &&
    url.hash === ""
  );
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Id of a mailbox in a legacy system. UUIDs count the same in either case (RFC 9562 §4) and become lower case. */
export function mailboxId() {
  return z
    .string()
    .min(1)
    .max(255)
    .transform((id) => (UUID.test(id) ? id.toLowerCase() : id));
}

/** `@localpart:server` (Matrix specification, Appendices, User Identifiers). */
export function matrixUser() {
  return z
    .string()
    .max(255)
    .regex(/^@[\x21-\x39\x3B-\x7E]+:[^\s]+$/, "must be a Matrix user id such as @name:example.org")
    .meta({ kind: "user" });
}
