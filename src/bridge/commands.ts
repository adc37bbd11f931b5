import type { ErrorCode } from "../model/errors.ts";
import type { IncomingMessage } from "../model/message.ts";
import type { BridgeContext } from "./contract.ts";

/** What a bridge adds to the command line; part of the contract (`contract.ts` exports it). */

/** One line of the table that `inspect` prints. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
}
export interface Inspection {
  readonly kind: string;
  readonly checks: readonly Check[];
  /** The canonical message, when there is one; ids are those of the file. */
  readonly message?: IncomingMessage;
  /** Set when the input is refused. */
  readonly code?: ErrorCode;
  /** Further named facts, printed as they are. */
  readonly facts?: Readonly<Record<string, unknown>>;
}
export interface InspectOptions {
  /** Options given on the command line, by name (`--keys dir` → keys). */
  readonly options: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
}

/** A command of a bridge: `postfach-bridge <bridge> <name> …`, for one account. */
export interface BridgeCommand<C = unknown> {
  /** One word of a-z and "-". */
  readonly name: string;
  readonly description: string;
  /** In order; the last ones may be optional. */
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  /**
   * What the account keeps can be read and written, its remotes reached; no letter can be accepted or reported. Before
   * the first `run` there is nothing yet: records are empty, and writing throws NOT_FOUND. Throws GatewayError.
   */
  run(context: BridgeContext<C>, given: CommandInput): Promise<CommandResult>;
}
export interface CommandArgument {
  readonly name: string;
  readonly description: string;
  readonly optional?: boolean;
}
export interface CommandOption {
  /** Without dashes. */
  readonly name: string;
  readonly description: string;
  /** How the value is called in the help; without it the option is a switch. */
  readonly value?: string;
}
export interface CommandInput {
  /** By name; a switch that is set is "true". */
  readonly arguments: Readonly<Record<string, string | undefined>>;
  readonly options: Readonly<Record<string, string | undefined>>;
  readonly now: Date;
  readonly signal: AbortSignal;
}
export interface CommandResult {
  /** The one document of `--json`. */
  readonly document: Readonly<Record<string, unknown>>;
  /** The form for people: lines, then the table, then more lines. */
  readonly lines?: readonly string[];
  readonly table?: {
    readonly head: readonly string[];
    readonly rows: readonly (readonly unknown[])[];
  };
  readonly notes?: readonly string[];
  /** false: the command ran, and what it found is not good (exit code 1). */
  readonly ok?: boolean;
}
