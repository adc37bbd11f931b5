import type { GatewayProcess } from "../../deploy/demo/gateway.ts";
import type { WrittenSettings } from "../../deploy/demo/settings.ts";

/** Reads counters of the running gateway as Prometheus would. */
export interface Counters {
  /** Sum over all label sets that contain every given label. */
  read(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
}

export function readCounters(
  { adminUrl }: Pick<GatewayProcess, "adminUrl">,
  { adminToken }: Pick<WrittenSettings, "adminToken">,
): Counters {
  return {
    async read(name, labels = {}) {
      const headers = { authorization: `Bearer ${adminToken}` };
      const answer = await fetch(`${adminUrl}/metrics`, { headers });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`metrics: ${answer.status}`);
      const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
      return text
        .split("\n")
        .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
        .filter((line) => wanted.every((label) => line.includes(label)))
        .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
    },
  };
}
