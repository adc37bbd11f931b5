import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { connect as tlsConnect } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createPki } from "../../../fixtures/simulators/pki/index.ts";
import type { Identity, Pki } from "../../../fixtures/simulators/pki/index.ts";
import {
  BodyTooLarge,
  openListener,
  peerCertificate,
  readLimited,
} from "../../../src/guard/listener.ts";
import type { Listener, ListenerOptions } from "../../../src/guard/listener.ts";

let pki: Pki;
let server: Identity;
let client: Identity;
beforeAll(async () => {
  pki = await createPki();
  [server, client] = await Promise.all([
    pki.issue({ cn: "127.0.0.1", kind: "server" }),
    pki.issue({ cn: "Amt" }),
  ]);
});

const open: Listener[] = [];
const errors: unknown[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close(10)));
  errors.length = 0;
});
async function listen(
  handle: ListenerOptions["handle"],
  more: Partial<ListenerOptions> = {},
): Promise<Listener> {
  const listener = await openListener({
    host: "127.0.0.1",
    port: 0,
    handle,
    onError: (error) => void errors.push(error),
    ...more,
  });
  open.push(listener);
  return listener;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}
function get(
  port: number,
  options: { tls?: Record<string, unknown>; body?: Buffer | undefined } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const make = options.tls === undefined ? httpRequest : httpsRequest;
    const request = make(
      {
        host: "127.0.0.1",
        port,
        method: options.body === undefined ? "GET" : "PUT",
        agent: false,
        ...(options.body === undefined
          ? {}
          : { headers: { "content-length": options.body.length } }),
        ...options.tls,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => void chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.on("error", reject);
    request.end(options.body);
  });
}
const ok: ListenerOptions["handle"] = async (_request, response) => void response.end("ok");

describe("listener", () => {
  it("answers over HTTP and hides the cause of a fault", async () => {
    const { port } = await listen(async () => {
      throw new Error("geheimer Grund");
    });
    expect(await get(port)).toEqual({ status: 500, text: "internal error" });
    expect(errors).toHaveLength(1);
  });

  it("shows the handler the certificate whose key the peer holds, whoever issued it", async () => {
    const seen: (string | undefined)[] = [];
    const { port } = await listen(
      async (request, response) => {
        seen.push(peerCertificate(request)?.subject);
        response.end("ok");
      },
      { tls: { cert: server.certPem, key: server.keyPem, askClientCertificate: true } },
    );
    const stranger = await (await createPki({ name: "Andere CA" })).issue({ cn: "Fremd" });
    const tls = { ca: pki.ca.certPem };
    await get(port, { tls: { ...tls, cert: client.certPem, key: client.keyPem } });
    await get(port, { tls: { ...tls, cert: stranger.certPem, key: stranger.keyPem } });
    await get(port, { tls });
    expect(seen).toEqual([
      expect.stringContaining("CN=Amt"),
      expect.stringContaining("CN=Fremd"),
      undefined,
    ]);
  });

  it.each([
    ["TLSv1", "TLSv1"],
    ["TLSv1.1", "TLSv1.1"],
  ] as const)("refuses %s", async (minVersion, maxVersion) => {
    const { port } = await listen(ok, { tls: { cert: server.certPem, key: server.keyPem } });
    const old = { ca: pki.ca.certPem, minVersion, maxVersion, ciphers: "DEFAULT@SECLEVEL=0" };
    await expect(get(port, { tls: old })).rejects.toThrow();
  });

  it("refuses suites that are not on the list", async () => {
    const { port } = await listen(ok, { tls: { cert: server.certPem, key: server.keyPem } });
    const weak = { ca: pki.ca.certPem, maxVersion: "TLSv1.2", ciphers: "AES128-SHA" };
    await expect(get(port, { tls: weak })).rejects.toThrow();
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)(
    "resumes no %s session: the key is proved every time",
    async (version) => {
      const { port } = await listen(ok, { tls: { cert: server.certPem, key: server.keyPem } });
      const visit = async (session?: Buffer) => {
        const socket = tlsConnect({
          host: "127.0.0.1",
          port,
          ca: pki.ca.certPem,
          minVersion: version,
          maxVersion: version,
          ...(session === undefined ? {} : { session }),
        });
        let ticket: Buffer | undefined;
        socket.on("session", (given: Buffer) => (ticket = given));
        await once(socket, "secureConnect");
        ticket ??= socket.getSession();
        const reused = socket.isSessionReused();
        socket.end("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        socket.resume();
        await once(socket, "close");
        return { ticket, reused };
      };
      const first = await visit();
      expect(first.ticket).toBeDefined();
      expect((await visit(first.ticket)).reused).toBe(false);
    },
  );

  it("says that a body is too large before reading it", async () => {
    let read = 0;
    const { port } = await listen(async (request, response) => {
      try {
        for await (const chunk of readLimited(request, response, 1_000)) read += chunk.length;
      } catch (error) {
        if (!(error instanceof BodyTooLarge)) throw error;
        response.writeHead(413, { Connection: "close" }).end("zu groß");
      }
    });
    const answer = await get(port, { body: Buffer.alloc(100_000) });
    expect(answer).toEqual({ status: 413, text: "zu groß" });
    expect(read).toBe(0);
  });

  it("cuts a body of unknown length at the limit, and ends the connection", async () => {
    let read = 0;
    const { port } = await listen(
      async (request, response) => {
        try {
          for await (const chunk of readLimited(request, response, 1_000)) read += chunk.length;
        } catch {
          response.writeHead(413, { Connection: "close" }).end("zu groß");
        }
      },
      { limits: { lingerBytes: 10_000, lingerMs: 5_000 } },
    );
    const socket = connect(port, "127.0.0.1");
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString()));
    socket.on("error", () => undefined);
    socket.write("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    const piece = `200\r\n${"x".repeat(512)}\r\n`;
    const timer = setInterval(() => socket.write(piece), 1);
    await new Promise((resolve) => socket.once("close", resolve));
    clearInterval(timer);
    expect(answer).toContain("413");
    expect(read).toBeLessThanOrEqual(1_000);
  });

  it("lets a client go on that waits for 100 Continue, and only within the limit", async () => {
    const { port } = await listen(async (request, response) => {
      try {
        let size = 0;
        for await (const chunk of readLimited(request, response, 10)) size += chunk.length;
        response.end(String(size));
      } catch {
        response.writeHead(413, { Connection: "close" }).end();
      }
    });
    const ask = async (length: number) => {
      const request = httpRequest({
        host: "127.0.0.1",
        port,
        method: "PUT",
        agent: false,
        headers: { expect: "100-continue", "content-length": length },
      });
      request.on("error", () => undefined);
      request.flushHeaders();
      let continued = false;
      request.once("continue", () => {
        continued = true;
        request.end("x".repeat(length));
      });
      const [response] = await once(request, "response");
      response.resume();
      return { continued, status: response.statusCode };
    };
    expect(await ask(5)).toEqual({ continued: true, status: 200 });
    expect(await ask(500)).toEqual({ continued: false, status: 413 });
  });

  it("refuses headers that are too large", async () => {
    const { port } = await listen(ok, { limits: { maxHeaderBytes: 2_000 } });
    const socket = connect(port, "127.0.0.1");
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-A: ${"a".repeat(5_000)}\r\n\r\n`);
    const [first] = await once(socket, "data");
    expect(String(first)).toContain("431");
    socket.destroy();
  });

  it("waits for running requests when it stops, and answers new ones 503", async () => {
    const started = Promise.withResolvers<undefined>();
    const release = Promise.withResolvers<undefined>();
    const { port, close } = await listen(async (request, response) => {
      if (request.url === "/first") {
        started.resolve(undefined);
        await release.promise;
      }
      response.end("ok");
    });
    const socket = connect(port, "127.0.0.1");
    let answers = "";
    socket.on("data", (chunk: Buffer) => (answers += chunk.toString()));
    socket.write("GET /first HTTP/1.1\r\nHost: x\r\n\r\nGET /second HTTP/1.1\r\nHost: x\r\n\r\n");
    await started.promise;
    const closing = close(5_000);
    const again = close();
    release.resolve(undefined);
    await Promise.all([closing, again, once(socket, "close")]);
    expect(answers).toMatch(/^HTTP\/1\.1 200 OK/);
    await expect(get(port)).rejects.toThrow(/ECONNREFUSED/);
  });

  it("ends a request that hangs when the grace is over", async () => {
    const started = Promise.withResolvers<AbortSignal>();
    const { port, close } = await listen(async (_request, _response, gone) => {
      started.resolve(gone);
      await once(gone, "abort");
    });
    const asked = get(port).catch((error: unknown) => error);
    const gone = await started.promise;
    await close(10);
    if (!gone.aborted) await once(gone, "abort");
    expect(await asked).toBeInstanceOf(Error);
  });

  it("rejects when the port is taken", async () => {
    const { port } = await listen(ok);
    await expect(listen(ok, { port })).rejects.toThrow(/EADDRINUSE/);
  });
});
