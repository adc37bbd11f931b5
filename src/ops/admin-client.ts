import { request } from "undici";
import { z } from "zod";
import type { CoreConfig } from "../config/schema.ts";
import { ERRORS, GatewayError, describeError, type ErrorCode } from "../model/errors.ts";
import { mayActAs, type Role } from "./access.ts";

/** The command line's way to the running gateway of the same configuration. */
export interface AdminCall {
  readonly role: Role;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** With query, already encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const MAX_ANSWER_BYTES = 16_000_000;
const problemSchema = z.object({ code: z.string(), message: z.string() });

/** Throws REMOTE_UNAVAILABLE when no gateway answers, else the error that the gateway answered. */
export async function callAdmin(config: CoreConfig, call: AdminCall): Promise<unknown> {
  const token = config.admin.tokens.find((it) => mayActAs(it, call.role));
  if (!token)
    throw new GatewayError("NOT_ALLOWED", `admin.tokens has none with the role ${call.role}`);
  const url = adminUrl(config);
  const { status, text } = await exchange(url, call, token.token.reveal());
  const answer = parseJson(text);
  if (status >= 200 && status < 300 && answer !== undefined) return answer;
  const problem = problemSchema.safeParse(answer);
  if (!problem.success)
    throw new GatewayError("REMOTE_ANSWER_INVALID", `${url} answered ${status}; is it a gateway?`);
  const { code, message } = problem.data;
  throw new GatewayError(Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "INTERNAL", message);
}

async function exchange(
  url: string,
  { method, path, body, timeoutMs = TIMEOUT_MS }: AdminCall,
  token: string,
): Promise<{ status: number; text: string }> {
  try {
    const answer = await request(url + path, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    });
    let text = "";
    for await (const piece of answer.body.setEncoding("utf8") as AsyncIterable<string>) {
      text += piece;
      if (text.length > MAX_ANSWER_BYTES) throw new Error(`more than ${MAX_ANSWER_BYTES} bytes`);
    }
    return { status: answer.statusCode, text };
  } catch (cause) {
    const message = `no gateway answers at ${url} (${describeError(cause)}); start it with \`run\``;
    throw new GatewayError("REMOTE_UNAVAILABLE", message, { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Does a gateway answer on the admin port of this configuration? */
export async function isRunning(config: CoreConfig, timeoutMs = 2_000): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${adminUrl(config)}/live`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}

/** Where this machine reaches it: an address that listens everywhere is reached over loopback. */
function adminUrl({ admin }: CoreConfig): string {
  const { host, port } = admin.listen;
  const reach = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${reach.includes(":") ? `[${reach}]` : reach}:${port}`;
}
