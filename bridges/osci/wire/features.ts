import {
  attributeOf,
  childElements,
  optionalChild,
  type XmlElement,
} from "../../../src/guard/xml.ts";
import { element, type OutgoingBlock } from "./element.ts";
import { asMalformed, hostile } from "./errors.ts";
import { BLOCK_NAMESPACES, NS } from "./names.ts";

/** What a peer says it can do (facts §2.5). */
export interface Feature {
  readonly key: string;
  readonly version: string;
}

const maxFeatures = 100;

/** What this bridge can do; no chunks. */
export const OUR_FEATURES: readonly Feature[] = Object.freeze([
  { key: "DisableBase64", version: "1.2.0" },
  { key: "OAEPEncryption", version: "1.6.0" },
  { key: "SHA3HashAlgo", version: "1.6.3" },
  { key: "GCMPaddingModus", version: "1.7.0" },
  { key: "Support96Bit12ByteIV", version: "1.9.0" },
]);

export function readFeatures(block: XmlElement): readonly Feature[] {
  return asMalformed("FeatureDescription", () => {
    const list = optionalChild(block, NS.osci2017, "SupportedFeatures");
    const features = list === undefined ? [] : childElements(list, NS.osci2017, "Feature");
    if (features.length > maxFeatures) throw hostile("too many features");
    return features.map((feature) => ({
      key: attributeOf(feature, "Key") ?? "",
      version: attributeOf(feature, "Version") ?? "",
    }));
  });
}

/** Has an Id but neither actor nor mustUnderstand (facts §2.4). */
export function writeFeatures(features: readonly Feature[]): OutgoingBlock {
  const id = "featuredescription";
  const [ds, osci, ...others] = BLOCK_NAMESPACES;
  const list = features.map(({ key, version }) =>
    element("osci2017:Feature", [
      ["Key", key],
      ["Version", version],
    ]),
  );
  const attributes = [ds, osci, ["xmlns:osci2017", NS.osci2017], ...others, ["Id", id]] as const;
  const content = element("osci2017:SupportedFeatures", [], list.join(""));
  return { id, xml: element("osci2017:FeatureDescription", attributes, content) };
}
