import { createHash } from "node:crypto";
import type { RoomEvent } from "../../../test/support/matrix-client.ts";
import type { GatewayProcess } from "../gateway.ts";
import { statusBlock, until, type Reader } from "../reader.ts";
import type { Stack } from "../stack.ts";
import type { Timeline } from "../timeline.ts";

/** What every journey does: wait for a status, compare a file, make one. */
export interface Journey {
  readonly stack: Stack;
  readonly gateway: GatewayProcess;
  readonly timeline: Timeline;
}

/** Waits until the status line of a letter says one of these stages, and shows it. */
export async function waitForStatus(
  { timeline }: Pick<Journey, "timeline">,
  reader: Reader,
  letterEvent: string,
  wanted: readonly string[],
): Promise<void> {
  const { event } = await reader.waitFor(`status ${wanted.join(" or ")}`, (it) => {
    const block = statusBlock(it);
    return block?.["event_id"] === letterEvent && wanted.includes(String(block["state"]));
  });
  const text = String(
    (event.content["m.new_content"] as { body?: unknown } | undefined)?.body ?? event.content.body,
  );
  timeline.say("Status im Raum", text);
}

/** Every letter of the gateway, as soon as none is under way any more. Throws after a minute. */
export async function settledLetters(
  gateway: GatewayProcess,
): Promise<readonly { readonly state: string; readonly code?: string }[]> {
  return until("every letter to be settled", async () => {
    const { letters } = (await gateway.admin("/api/v1/letters?limit=1000")) as {
      letters: { state: string; code?: string }[];
    };
    const open = letters.some(({ state }) => state !== "delivered" && state !== "rejected");
    return open ? undefined : letters;
  });
}

/** The attachment in the room is what was sent, byte for byte. */
export async function checkFile(
  { timeline }: Pick<Journey, "timeline">,
  reader: Reader,
  event: RoomEvent,
  expected: Buffer,
) {
  const answer = await reader.client.download(String(event.content.url));
  const bytes = Buffer.from(await answer.arrayBuffer());
  const digest = createHash("sha256").update(bytes).digest("hex");
  timeline.check(
    `Anlage ${String(event.content.filename ?? event.content.body)} ist Byte für Byte dieselbe (sha256 ${digest.slice(0, 12)}…)`,
    bytes.equals(expected),
  );
}

/** A small, valid PDF of one empty page with this title. */
export function makePdf(title: string): Buffer {
  const ascii = title.replace(/[^\x20-\x7e]/g, "_");
  return Buffer.from(
    `%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n` +
      `3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\n4 0 obj<</Title(${ascii})>>endobj\n` +
      `trailer<</Root 1 0 R/Info 4 0 R>>\n%%EOF\n`,
    "latin1",
  );
}
