import { z } from "zod";
import { baseUrl, listenAddress } from "../../../src/bridge/settings.ts";

export const settingsSchema = z.strictObject({
  listen: listenAddress()
    .describe("Where the bench hands letters in and reads what arrived.")
    .meta({ example: "127.0.0.1:9020" }),
  sink: baseUrl(["http"])
    .describe("Where attachments of delivered letters are streamed to.")
    .meta({ example: "http://127.0.0.1:9021" }),
});
export type Settings = z.output<typeof settingsSchema>;

/** Body of PUT /letters. */
export const letterSchema = z.strictObject({
  sourceId: z.string(),
  conversation: z.string(),
  mailbox: z.string(),
  subject: z.string(),
  text: z.string(),
});
export type LetterBody = z.output<typeof letterSchema>;

/** Answer of GET /progress. Times: milliseconds since 1970, 0 before the first. */
export const progressSchema = z.object({
  /** Letters that came out of Matrix. */
  delivered: z.number(),
  lastDelivered: z.number(),
  /** Letters into Matrix of which the bridge was told that they are delivered. */
  told: z.number(),
  lastTold: z.number(),
});
export type Progress = z.output<typeof progressSchema>;

/** Answer of GET /delivered, in the order of delivery. */
export const deliveredSchema = z.array(
  z.object({ id: z.string(), firstLine: z.string(), attachments: z.array(z.string()) }),
);
export type Delivered = z.output<typeof deliveredSchema>;
