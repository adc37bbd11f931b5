/** A process of its own that feeds one export into the store; made to be killed. Arguments: configuration, export. */
import { loadConfig } from "../../src/config/load.ts";
import { feedLetters } from "../../src/migrate/feed.ts";
import { openJsonl } from "../../src/migrate/jsonl.ts";
import { surveySource } from "../../src/migrate/survey.ts";
import { createDirectory } from "../../src/pipeline/directory.ts";
import { openStorage } from "../../src/store/open.ts";
import { createLegacy } from "./transition-legacy.ts";

const [file = "", from = ""] = process.argv.slice(2);
const { definition } = createLegacy();
const bridges = { available: () => ["books"], load: () => Promise.resolve(definition) };
const { config } = await loadConfig(file, { environment: process.env, bridges });
const { store, blobs, close } = await openStorage(config);
const { signal } = new AbortController();
const source = await openJsonl(from);
const deps = {
  ...{ store, blobs, account: "push", attachmentBytes: 1_000_000, rate: 100 },
  directory: createDirectory(config.accounts, store),
  now: () => new Date(),
};
process.send?.("begun");
await feedLetters(deps, source, await surveySource(source, signal), signal);
await close();
process.disconnect();
