import type { Provision } from "../deploy/tools/provision.mjs";

export interface Lane {
  readonly name: string;
  /** Below test/. */
  readonly folder: string;
  /** Limit for one test and one hook, milliseconds. */
  readonly timeout: number;
  /** Its files run one at a time, after all other lanes. */
  readonly alone: boolean;
  readonly needs: readonly Provision[];
}

export const lanes: readonly Lane[];
