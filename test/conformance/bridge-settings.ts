/** What the conformance suite looks at in the settings of a bridge. */

/** Paths of settings that have no description. */
export function undescribed(schema: unknown, path: string): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const node = schema as Record<string, unknown>;
  const missing: string[] = [];
  for (const [key, member] of Object.entries(node["properties"] ?? {})) {
    const place = `${path}.${key}`;
    const described = typeof member === "object" && member !== null && "description" in member;
    if (!described) missing.push(place);
    missing.push(...undescribed(member, place));
  }
  for (const key of ["items", "anyOf", "oneOf", "allOf"])
    for (const member of [node[key] ?? []].flat()) missing.push(...undescribed(member, path));
  return missing;
}

/** The settings with one key too many, once for every mapping in them. */
export function* withSurplus(value: unknown, place: string): Generator<[string, unknown]> {
  if (Array.isArray(value)) {
    for (const [index, member] of value.entries())
      for (const [path, changed] of withSurplus(member, `${place}[${index}]`))
        yield [path, value.map((other: unknown, at) => (at === index ? changed : other))];
  } else if (typeof value === "object" && value !== null) {
    yield [place, { ...value, unbekannt: 1 }];
    for (const [key, member] of Object.entries(value))
      for (const [path, changed] of withSurplus(member, `${place}.${key}`))
        yield [path, { ...value, [key]: changed }];
  }
}
