import fs from "node:fs";
import path from "node:path";
import { afterAll } from "vitest";
import { makeTemporaryFolder } from "../../../deploy/tools/paths.mjs";
import {
  ensureSynapse,
  findSynapse,
  startSynapse,
  type Synapse,
  type SynapseOptions,
} from "../../../deploy/tools/synapse.mjs";
import { declareUnavailable, type Availability } from "./availability.ts";

export interface SynapseStarter {
  /** Starts a homeserver that is stopped after the file's last test; without `dir` in a folder removed then. */
  start(options?: Omit<SynapseOptions, "dir"> & { readonly dir?: string }): Promise<Synapse>;
}

/**
 * A real Synapse for the calling test file. Call it at the top of the file and start it in `beforeAll`, when the
 * registration files are written.
 */
export async function useSynapse(): Promise<Availability<SynapseStarter>> {
  const tried = process.env.POSTFACH_NO_SYNAPSE !== undefined;
  const found = tried ? findSynapse() : await ensureSynapse();
  if ("reason" in found) return declareUnavailable("synapse", found.reason);
  const running: { synapse: Synapse; temporary: string | undefined }[] = [];
  afterAll(async () => {
    for (const { synapse, temporary } of running.splice(0)) {
      await synapse.stop();
      if (temporary !== undefined) fs.rmSync(temporary, { recursive: true, force: true });
    }
  });
  return {
    available: true,
    async start(options = {}) {
      const temporary = options.dir === undefined ? makeTemporaryFolder("synapse") : undefined;
      const dir = options.dir ?? path.join(temporary ?? "", "data");
      const synapse = await startSynapse({ ...options, dir });
      running.push({ synapse, temporary });
      return synapse;
    },
  };
}
