import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Health, Log } from "../bridge/contract.ts";
import { describeError } from "../model/errors.ts";
import { newId } from "../model/id.ts";
import type { Client } from "./client.ts";
import { HomeserverError, readAnswer } from "./homeserver-error.ts";
import { path } from "./http.ts";
import type { Names } from "./names.ts";

const FIRST_PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;

const versionsAnswer = z.object({ versions: z.array(z.string()) });
const whoamiAnswer = z.object({ user_id: z.string() });

export interface LivenessDeps {
  readonly client: Client;
  readonly names: Names;
  readonly log: Log;
  readonly appserviceId: string;
  readonly appserviceUrl: string;
}

/**
 * Asks the homeserver to ping us back (MSC2659, v1.7). A good ping also ends the pause of a homeserver that had given us
 * up for a while: without it a restart waits up to eight minutes for its first event (matrix.md §2.2).
 */
export async function pingBack(deps: LivenessDeps, signal: AbortSignal): Promise<void> {
  const to = path`/_matrix/client/v1/appservice/${deps.appserviceId}/ping`;
  await deps.client.call(
    { method: "POST", path: to, json: { transaction_id: newId() } },
    { signal },
  );
}

/** Link in both directions; `listening`: whether the homeserver can reach us at all. */
export async function checkHealth(
  deps: LivenessDeps,
  listening: boolean,
  signal: AbortSignal,
): Promise<Health> {
  try {
    const versions = await deps.client.call(
      { method: "GET", path: "/_matrix/client/versions" },
      { signal },
    );
    const { versions: spoken } = readAnswer(versionsAnswer, versions, "versions");
    const me = await deps.client.call(
      { method: "GET", path: "/_matrix/client/v3/account/whoami" },
      { signal },
    );
    const { user_id: user } = readAnswer(whoamiAnswer, me, "whoami");
    if (user !== deps.names.bot)
      return { ok: false, detail: `the token belongs to ${user}, not to ${deps.names.bot}` };
    if (listening) await pingBack(deps, signal);
    const direction = listening ? "both directions" : "not listening: only our direction was tried";
    return { ok: true, detail: `${spoken.at(-1) ?? "?"}, ${direction}` };
  } catch (error) {
    return { ok: false, detail: `${describeError(error)}${adviceFor(deps, error)}` };
  }
}

/** Repeats with growing pauses until it works or the signal aborts; every failure is logged with what to do. */
export async function insist(
  deps: LivenessDeps,
  event: string,
  signal: AbortSignal,
  task: () => Promise<unknown>,
): Promise<void> {
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      await task();
      return;
    } catch (error) {
      if (signal.aborted) return;
      const remedy = adviceFor(deps, error).trim() || "nothing; tried again";
      deps.log.error({ error: describeError(error), remedy }, event);
    }
    await sleep(pause, undefined, { signal }).catch(() => undefined);
  }
}

function adviceFor(deps: LivenessDeps, error: unknown): string {
  if (!(error instanceof HomeserverError)) return "";
  const { errcode, status } = error;
  if (errcode === "M_URL_NOT_SET") return " write `url` into the registration file";
  if (errcode === "M_CONNECTION_FAILED" || errcode === "M_CONNECTION_TIMEOUT")
    return ` the homeserver cannot reach ${deps.appserviceUrl}: check appservice.url, firewall and listener`;
  if (errcode === "M_BAD_STATUS")
    return " the homeserver's token is not ours: compare appservice.hsToken with hs_token of the registration";
  if (status === 401 || status === 403)
    return " compare appservice.id and appservice.asToken with the registration file; restart the homeserver after changes";
  return "";
}
