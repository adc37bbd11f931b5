import type * as Dns from "node:dns";
import { once } from "node:events";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test, vi } from "vitest";
import { egressTarget } from "../../../src/guard/egress.ts";
import { closeAll, failure, http, open, tcp } from "./egress-support.ts";

const resolved = vi.hoisted(() => ({
  lookups: [] as string[],
  answers: new Map<string, { address: string; family: number }[]>(),
}));
vi.mock("node:dns", async (original) => {
  const dns = await original<typeof Dns>();
  const lookup = (name: string, options: object, done: (...result: unknown[]) => void) => {
    resolved.lookups.push(name);
    const answer = resolved.answers.get(name);
    if (answer) setImmediate(() => done(null, answer));
    else if (name.endsWith(".invalid"))
      setImmediate(() => done(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" })));
    else dns.lookup(name, options, done as never);
  };
  return { ...dns, lookup };
});

afterEach(async () => {
  resolved.lookups.length = 0;
  resolved.answers.clear();
  await closeAll();
});

describe("what may go out", () => {
  test("method, headers and body arrive; status, headers and body come back", async () => {
    const { port } = await http((request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        response.writeHead(201, { "x-method": request.method, "set-cookie": ["a=1", "b=2"] });
        response.end(`${String(request.headers["x-probe"])}:${Buffer.concat(pieces).toString()}`);
      });
    });
    const answer = await open(port).fetch(`http://127.0.0.1:${port}/letter?x=1`, {
      method: "POST",
      headers: { "X-Probe": "yes" },
      body: "hello",
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-method")).toBe("POST");
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await answer.text()).toBe("yes:hello");
  });

  test("an answer without body", async () => {
    const { port } = await http((_request, response) => response.writeHead(204).end());
    const answer = await open(port).fetch(`http://127.0.0.1:${port}/`);
    expect(answer.status).toBe(204);
    expect(answer.body).toBeNull();
  });

  test.each([
    ["another host", "http://127.0.0.2:PORT/"],
    ["another port", "http://127.0.0.1:1/"],
    ["another scheme", "https://127.0.0.1:PORT/"],
    ["user and password", "http://a:b@127.0.0.1:PORT/"],
    ["a name for the same address", "http://localhost:PORT/"],
    ["no URL", "letter"],
    ["a file", "file:///etc/passwd"],
  ])("%s is refused before anything is opened", async (_what, url) => {
    const { port, sockets } = await http((_request, response) => response.end("seen"));
    const error = await failure(open(port).fetch(url.replace("PORT", String(port))));
    expect(error.stage).toBe("refused");
    expect(sockets.size).toBe(0);
  });

  test.each(["Host", "connection", "Transfer-Encoding", "upgrade"])(
    "header %s is refused",
    async (name) => {
      const { port, sockets } = await http((_request, response) => response.end());
      const init = { headers: { [name]: "x" } };
      const error = await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init));
      expect(error.stage).toBe("refused");
      expect(sockets.size).toBe(0);
    },
  );

  test.each([
    ["a header with a line break", { headers: { a: "b\r\nc: d" } }],
    ["a method that opens a tunnel", { method: "CONNECT" }],
    ["a method with a line break", { method: "GET / HTTP/1.1\r\nx: y\r\n" }],
  ])("%s is refused", async (_what, init) => {
    const { port } = await http((_request, response) => response.end());
    const error = await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init));
    expect(error.stage).toBe("refused");
  });

  test("the target of a base URL", () => {
    expect(egressTarget("https://zbp.example/api")).toEqual({
      host: "zbp.example",
      port: 443,
      scheme: "https",
    });
    expect(egressTarget("http://[::1]:8080")).toEqual({ host: "::1", port: 8080, scheme: "http" });
  });
});

describe("addresses", () => {
  test("loopback as a literal is refused unless its network is named", async () => {
    const { port, sockets } = await http((_request, response) => response.end());
    const error = await failure(
      open(port, { privateNetworks: [] }).fetch(`http://127.0.0.1:${port}/`),
    );
    expect(error.stage).toBe("refused");
    expect(error.message).toContain("not public");
    expect(sockets.size).toBe(0);
  });

  test("a name that leads inside is refused after the look-up", async () => {
    const { port, sockets } = await http((_request, response) => response.end());
    resolved.answers.set("zbp.example", [{ address: "127.0.0.1", family: 4 }]);
    const allow = [{ host: "zbp.example", port, scheme: "http" as const }];
    const closed = open(port, { allow, privateNetworks: ["10.0.0.0/8"] });
    expect((await failure(closed.fetch(`http://zbp.example:${port}/`))).stage).toBe("refused");
    expect(sockets.size).toBe(0);
    const opened = open(port, { allow });
    expect((await opened.fetch(`http://zbp.example:${port}/`)).status).toBe(200);
  });

  test("the connection goes to the very address that was judged (rebinding)", async () => {
    const { port } = await http((_request, response) => response.end("allowed"));
    resolved.answers.set("zbp.example", [
      { address: "169.254.169.254", family: 4 },
      { address: "::ffff:10.0.0.1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ]);
    const allow = [{ host: "zbp.example", port, scheme: "http" as const }];
    const answer = await open(port, { allow }).fetch(`http://zbp.example:${port}/`);
    expect(await answer.text()).toBe("allowed");
    expect(resolved.lookups).toEqual(["zbp.example"]);
  });
});

describe("how far a request came", () => {
  test("nobody listens: not sent", async () => {
    const { port } = await tcp(() => undefined);
    await closeAll();
    const error = await failure(open(port).fetch(`http://127.0.0.1:${port}/`, { method: "POST" }));
    expect(error.stage).toBe("not-sent");
    expect(error.cause).toBeInstanceOf(Error);
  });

  test("the name is unknown: not sent", async () => {
    const allow = [{ host: "zbp.invalid", scheme: "http" as const }];
    const error = await failure(open(0, { allow }).fetch("http://zbp.invalid/"));
    expect(error.stage).toBe("not-sent");
  });

  test("already aborted: not sent, nothing opened, the body is let go", async () => {
    const { port, sockets } = await http((_request, response) => response.end());
    const body = Readable.from(["x"]);
    const init = { method: "POST", body, signal: AbortSignal.abort(new Error("stopping")) };
    const error = await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init));
    expect(error.stage).toBe("not-sent");
    expect(sockets.size).toBe(0);
    expect(body.destroyed).toBe(true);
  });

  test("accepted and closed at once: sent", async () => {
    const { port } = await tcp((socket) => socket.end());
    const init = { method: "POST", body: "letter" };
    expect((await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init))).stage).toBe("sent");
  });

  test("reset after the headers: sent", async () => {
    const { port } = await tcp((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const init = { method: "POST", body: "letter" };
    expect((await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init))).stage).toBe("sent");
  });

  test("closed after the whole body: sent, and never repeated", async () => {
    let requests = 0;
    const { port } = await http((request) => {
      requests += 1;
      request.resume().on("end", () => request.socket.destroy());
    });
    const egress = open(port);
    for (const method of ["POST", "GET"]) {
      const error = await failure(egress.fetch(`http://127.0.0.1:${port}/`, { method }));
      expect(error.stage).toBe("sent");
    }
    expect(requests).toBe(2);
  });

  test("cut in the middle of the answer: sent, said by the body", async () => {
    const { port } = await tcp((socket) => {
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", () => socket.destroy());
      });
    });
    const answer = await open(port).fetch(`http://127.0.0.1:${port}/`, { method: "POST" });
    expect((await failure(answer.text())).stage).toBe("sent");
  });

  test("an answer that is no HTTP: sent", async () => {
    const { port } = await tcp((socket) => socket.once("data", () => socket.end("nonsense\r\n")));
    expect((await failure(open(port).fetch(`http://127.0.0.1:${port}/`))).stage).toBe("sent");
  });

  test("no answer in time: sent", async () => {
    const { port } = await tcp(() => undefined);
    const egress = open(port, { timeoutMs: 50 });
    expect((await failure(egress.fetch(`http://127.0.0.1:${port}/`))).stage).toBe("sent");
  });

  test("aborted while waiting for the answer: sent", async () => {
    const abort = new AbortController();
    const { port } = await tcp((socket) => socket.once("data", () => abort.abort()));
    const init = { method: "POST", body: "letter", signal: abort.signal };
    expect((await failure(open(port).fetch(`http://127.0.0.1:${port}/`, init))).stage).toBe("sent");
  });

  test("aborted while the answer is read: the body says it", async () => {
    const abort = new AbortController();
    const { port } = await http((_request, response) => void response.write("first"));
    const answer = await open(port).fetch(`http://127.0.0.1:${port}/`, { signal: abort.signal });
    const reading = answer.text();
    abort.abort();
    expect((await failure(reading)).stage).toBe("sent");
  });

  test("a source that fails before its first piece: not sent", async () => {
    const seen: Buffer[] = [];
    const { port } = await tcp((socket) => socket.on("data", (piece) => seen.push(piece)));
    const body = new Readable({
      read() {
        this.destroy(new Error("the attachment cannot be opened"));
      },
    });
    const error = await failure(
      open(port).fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }),
    );
    expect(error.stage).toBe("not-sent");
    expect(error.message).toContain("cannot be opened");
    expect(seen).toEqual([]);
  });

  test("a source that fails in the middle: sent, and the other side sees no complete request", async () => {
    let complete: boolean | undefined;
    const closed = Promise.withResolvers<undefined>();
    const { port } = await http((request) => {
      request.resume().on("error", () => undefined);
      request.on("close", () => {
        complete = request.complete;
        closed.resolve(undefined);
      });
    });
    const body = Readable.from(
      (function* () {
        yield Buffer.from("first");
        throw new Error("digest is wrong");
      })(),
    );
    const error = await failure(
      open(port).fetch(`http://127.0.0.1:${port}/`, { method: "POST", body }),
    );
    expect(error.stage).toBe("sent");
    await closed.promise;
    expect(complete).toBe(false);
  });

  test("an idle connection that the other side ended is not used for the next request", async () => {
    const { port, sockets } = await http((_request, response) => response.end("ok"));
    const egress = open(port);
    await (await egress.fetch(`http://127.0.0.1:${port}/`)).text();
    const [first] = sockets;
    if (!first) throw new Error("no connection was made");
    first.destroy();
    await once(first, "close");
    const second = await egress.fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "b" });
    expect(await second.text()).toBe("ok");
  });
});
