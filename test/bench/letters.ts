/** Which letter it is: written into its text, so that it is known again wherever it arrives. */
export interface Mark {
  readonly series: string;
  /** 0, 1, 2 … */
  readonly conversation: number;
  /** 1, 2, 3 … within series and conversation: the order in which they must arrive. */
  readonly n: number;
}

const PATTERN = /#([a-z]+)-(\d+)-(\d+)#/;
const SENTENCE =
  "Wir bitten Sie, die fehlenden Unterlagen innerhalb der genannten Frist einzureichen. ";

/** A text of this size (ASCII: bytes are characters) that bears its mark in the first line. */
export function letterText({ series, conversation, n }: Mark, bytes: number): string {
  const head = `Schreiben #${series}-${conversation}-${n}#\n\nGuten Tag,\n`;
  const body = SENTENCE.repeat(Math.ceil(bytes / SENTENCE.length));
  return (head + body).slice(0, bytes).trimEnd();
}

/** undefined: not a letter of the bench. */
export function readMark(text: string): Mark | undefined {
  const [, series, conversation, n] = PATTERN.exec(text) ?? [];
  if (series === undefined) return undefined;
  return { series, conversation: Number(conversation), n: Number(n) };
}

/** What was sent of a series, and what became of it. */
export interface Books {
  readonly series: string;
  readonly sent: number;
  readonly arrived: number;
  readonly lost: number;
  readonly doubled: number;
  readonly reordered: number;
}

/** `sent` letters were spread evenly over the conversations; `arrivals` in the order of each conversation. */
export function keepBooks(
  series: string,
  sent: number,
  conversations: number,
  arrivals: Iterable<Mark>,
): Books {
  const seen = new Set<string>();
  const last = new Map<number, number>();
  let doubled = 0;
  let reordered = 0;
  for (const mark of arrivals) {
    if (mark.series !== series) continue;
    const key = `${mark.conversation}-${mark.n}`;
    if (seen.has(key)) {
      doubled += 1;
      continue;
    }
    seen.add(key);
    if (mark.n < (last.get(mark.conversation) ?? 0)) reordered += 1;
    else last.set(mark.conversation, mark.n);
  }
  let lost = 0;
  for (let conversation = 0; conversation < conversations; conversation += 1)
    for (let n = 1; n <= shareOf(sent, conversations, conversation); n += 1)
      if (!seen.has(`${conversation}-${n}`)) lost += 1;
  return { series, sent, arrived: seen.size, lost, doubled, reordered };
}

/** How many of `total` letters the conversation gets. */
export function shareOf(total: number, conversations: number, conversation: number): number {
  return Math.floor(total / conversations) + (conversation < total % conversations ? 1 : 0);
}

export function areClean({ lost, doubled, reordered }: Books): boolean {
  return lost + doubled + reordered === 0;
}
