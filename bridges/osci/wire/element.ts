import { GatewayError } from "../../../src/model/errors.ts";
import { writeElement } from "../../../src/guard/xml-write.ts";
import { ACTOR, BLOCK_NAMESPACES } from "./names.ts";

export type Attribute = readonly [name: string, value: string];

/**
 * One element of a message. A ">" in an attribute is refused although XML allows it: the library escapes it when it
 * canonicalises and then finds its own digest wrong (facts §3.5). Throws CONTENT_REJECTED.
 */
export function element(name: string, attributes: readonly Attribute[] = [], content = ""): string {
  if (attributes.some(([, value]) => value.includes(">")))
    throw new GatewayError("CONTENT_REJECTED", `a name with ">" cannot be sent (${name})`);
  return writeElement(name, attributes, content);
}

/** A header block or the Body, as markup that is its own canonical form. */
export interface OutgoingBlock {
  readonly id: string;
  readonly xml: string;
}

export interface BlockOptions {
  readonly attributes?: readonly Attribute[];
  readonly content?: string;
  /** Default: the next in line. */
  readonly actor?: keyof typeof ACTOR;
}

/** A header block with the standard attributes (facts §2.4); the id is the name in lower case unless given. */
export function writeBlock(
  name: string,
  { attributes = [], content = "", actor = "next" }: BlockOptions,
  id = name.toLowerCase(),
): OutgoingBlock {
  const own = [...attributes, ["Id", id] as const].sort(([left], [right]) =>
    left < right ? -1 : 1,
  );
  const standard: readonly Attribute[] = [
    ["soap:actor", ACTOR[actor]],
    ["soap:mustUnderstand", "1"],
  ];
  return { id, xml: element(`osci:${name}`, [...BLOCK_NAMESPACES, ...own, ...standard], content) };
}
