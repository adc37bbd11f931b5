import type { Message } from "../model/message.ts";

/** Who wrote a letter in Matrix, as structured data; never a prefix of its text. */
export interface Writer {
  readonly user: string;
  readonly name?: string;
  /** Name of the function mailbox. */
  readonly desk?: string;
  /** Whom the writer stood in for. */
  readonly insteadOf?: string;
}

/** Of the documented keys in `extra` (docs/people.md). undefined: the letter was not written in Matrix. */
export function writerOf({ extra = {} }: Pick<Message, "extra">): Writer | undefined {
  const user = extra["matrix.sender"];
  if (user === undefined) return undefined;
  const name = extra["matrix.sender-name"];
  const desk = extra["matrix.sender-desk"];
  const insteadOf = extra["matrix.sender-for"];
  return {
    user,
    ...(name === undefined ? {} : { name }),
    ...(desk === undefined ? {} : { desk }),
    ...(insteadOf === undefined ? {} : { insteadOf }),
  };
}
