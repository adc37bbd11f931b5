/** Reads every hostile document as metadata and prints what became of it; its heap is small on purpose. */
import { HOSTILE_DOCUMENTS } from "../../../fixtures/hostile/documents.ts";
import { readMetadata } from "../../../bridges/fink/federation/metadata.ts";
import { BUILT_IN_NAMES } from "../../../bridges/fink/federation/profile.ts";

const results: { name: string; got: string }[] = [];
for (const { name, make } of HOSTILE_DOCUMENTS) {
  const expectation = { pins: [], now: new Date(), profile: BUILT_IN_NAMES };
  const got = await readMetadata(make(), expectation).then(
    () => "taken",
    (error: unknown) => String((error as { code?: string }).code),
  );
  results.push({ name, got });
}
process.stdout.write(JSON.stringify(results));
