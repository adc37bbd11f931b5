/** Reads a value of foreign JSON by a path of the profile: `$.id`, `$.errors[*].message`. The first one found counts. */
export function readPath(value: unknown, path: string): unknown {
  let found: unknown[] = [value];
  for (const step of path.slice(2).split(".")) {
    const each = step.endsWith("[*]");
    const key = each ? step.slice(0, -3) : step;
    found = found.flatMap((item) => {
      const next = memberOf(item, key);
      if (!each) return next === undefined ? [] : [next];
      return Array.isArray(next) ? (next as unknown[]).slice(0, MAX_ITEMS) : [];
    });
  }
  return found[0];
}

const MAX_ITEMS = 1_000;

/** A text at this path, cut to `max` characters; numbers count as text. */
export function readPathText(value: unknown, path: string, max = 500): string | undefined {
  const found = readPath(value, path);
  if (typeof found === "number") return String(found);
  return typeof found === "string" && found !== "" ? found.slice(0, max) : undefined;
}

export function memberOf(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
