import { GatewayError } from "../model/errors.ts";
import { escapeAttribute, escapeText } from "./xml-escape.ts";

// XML 1.0 §2.2 [2]: everything else cannot be written, not even as a reference. Lone surrogates are not characters.
const illegal =
  // eslint-disable-next-line no-control-regex -- these characters are what is looked for
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Text as markup. Throws GatewayError CONTENT_REJECTED for a character that XML does not know. */
export function writeText(text: string): string {
  requireLegal(text);
  return escapeText(text);
}

/**
 * One element, always as start and end tag. Attributes stand in the order given; `content` is markup: text goes through
 * `writeText` first. Throws GatewayError CONTENT_REJECTED for a character that XML does not know.
 */
export function writeElement(
  name: string,
  attributes: readonly (readonly [name: string, value: string])[],
  content = "",
): string {
  const list = attributes.map(([key, value]) => {
    requireLegal(value);
    return ` ${key}="${escapeAttribute(value)}"`;
  });
  return `<${name}${list.join("")}>${content}</${name}>`;
}

function requireLegal(text: string): void {
  if (illegal.test(text))
    throw new GatewayError("CONTENT_REJECTED", "text contains a character that XML does not allow");
}
