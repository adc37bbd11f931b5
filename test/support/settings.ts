import type { z } from "zod";
import { Secret, SettingsFile } from "../../src/bridge/settings.ts";

/** Parses the settings of an account and reads what they name, as the gateway does at start. @throws ZodError */
export function loadSettings<S extends z.ZodType>(
  schema: S,
  raw: unknown,
  baseDir: string,
): z.output<S> {
  const settings = schema.parse(raw);
  visit(settings, baseDir);
  return settings;
}

function visit(value: unknown, baseDir: string): void {
  if (value instanceof Secret) value.load(baseDir, process.env);
  else if (value instanceof SettingsFile) value.load(baseDir);
  else if (typeof value === "object" && value !== null)
    for (const member of Object.values(value)) visit(member, baseDir);
}
