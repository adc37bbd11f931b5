/** The number of letters to insert, delete or change to get from one word to the other (Levenshtein). */
export function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [line, letter] of [...from].entries()) {
    const next = [line + 1];
    for (let column = 1; column <= to.length; column++) {
      const change = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      next.push(Math.min((row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** The valid name that was probably meant; undefined when none is near. */
export function nearest(word: string, valid: Iterable<string>): string | undefined {
  const lower = word.slice(0, 64).toLowerCase();
  const bound = Math.max(1, Math.floor(lower.length / 2));
  let best: { name: string; far: number } | undefined;
  for (const name of valid) {
    const far = distance(lower, name.toLowerCase());
    if (far <= bound && (best === undefined || far < best.far)) best = { name, far };
  }
  return best?.name;
}
