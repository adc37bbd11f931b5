/** What EGVP puts into OSCI deliveries (facts §5): pure, no network, no keys. The seam is contract.ts. */
export { readEgvp } from "./read.ts";
export { reviewEgvp } from "./rules.ts";
export { writeEgvp } from "./write.ts";
export { CARD_FIELDS } from "./cover.ts";
