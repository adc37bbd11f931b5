import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { createClient } from "../../../src/matrix/client.ts";
import { HomeserverError } from "../../../src/matrix/homeserver-error.ts";
import { createHttp, path, retryAfter, type Http } from "../../../src/matrix/http.ts";
import { createMedia } from "../../../src/matrix/media.ts";
import { DeliveryError } from "../../../src/model/errors.ts";
import { memoryBlobs, recordingLog } from "./support.ts";

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
const servers: Server[] = [];
const opened: Http[] = [];
const signal = new AbortController().signal;

async function serve(answer: Answer, requestTimeout = 5_000) {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push(`${request.method} ${request.url}`);
      answer(request, response, body);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  const { lines, log } = recordingLog();
  const counted: string[] = [];
  const { port } = server.address() as AddressInfo;
  const http = createHttp({
    url: `http://127.0.0.1:${port}/prefix/`,
    requestTimeout,
    log,
    token: () => "as-secret",
    count: (name) => counted.push(name),
  });
  opened.push(http);
  return { http, client: createClient(http), seen, lines, counted };
}
const json = (response: ServerResponse, status: number, body: object, headers = {}) => {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
};
const failureOf = async (promise: Promise<unknown>): Promise<DeliveryError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof DeliveryError)) throw new Error(`not a DeliveryError: ${String(error)}`);
  return error;
};

afterEach(async () => {
  for (const http of opened.splice(0)) await http.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

describe("requests to the homeserver", () => {
  it("sends as the ghost, from its device, with the letter's time, in one request", async () => {
    const bodies: string[] = [];
    const { client, seen } = await serve((request, response, body) => {
      expect(request.headers.authorization).toBe("Bearer as-secret");
      bodies.push(body);
      json(response, 200, { event_id: "$e" });
    });
    const options = { as: "@g:hs", ts: 12, signal };
    expect(await client.send("!r/1", "m.room.message", "txn", { a: 1 }, options)).toBe("$e");
    expect(seen).toEqual([
      "PUT /prefix/_matrix/client/v3/rooms/!r%2F1/send/m.room.message/txn?user_id=%40g%3Ahs&device_id=POSTFACH&ts=12",
    ]);
    expect(bodies).toEqual(['{"a":1}']);
  });

  it("waits out a limited rate within the attempt, with the same transaction id", async () => {
    let refused = 0;
    const { client, seen, counted } = await serve((_request, response) => {
      if ((refused += 1) <= 3)
        json(response, 429, { errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 5 });
      else json(response, 200, { event_id: "$e" });
    });
    expect(await client.send("!r", "t", "txn", {}, { as: "@g:hs", signal })).toBe("$e");
    expect(new Set(seen).size).toBe(1);
    expect(counted.filter((name) => name === "rate_limited")).toHaveLength(3);
  });

  it("ends the attempt when more patience is asked for than it has, and says how much", async () => {
    const { client } = await serve((_request, response) =>
      json(response, 429, { errcode: "M_LIMIT_EXCEEDED" }, { "retry-after": "60" }),
    );
    const error = await failureOf(client.send("!r", "t", "txn", {}, { as: "@g:hs", signal }));
    expect(error).toMatchObject({ fault: "transient", retryAfterMs: 60_000 });
  });

  it("ends the attempt after a few refusals in a row", async () => {
    const { client, seen } = await serve((_request, response) =>
      json(response, 429, { errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 1 }),
    );
    await failureOf(client.send("!r", "t", "txn", {}, { as: "@g:hs", signal }));
    expect(seen).toHaveLength(5);
  });

  it.each([
    [500, "transient", "REMOTE_UNAVAILABLE"],
    [502, "transient", "REMOTE_UNAVAILABLE"],
    [403, "transient", "REMOTE_UNAVAILABLE"],
    [302, "transient", "REMOTE_ANSWER_INVALID"],
    [400, "permanent", "LETTER_INVALID"],
    [413, "permanent", "LETTER_INVALID"],
  ])("never calls %i on a send unknown: %s", async (status, fault, code) => {
    const { client, seen } = await serve((_request, response) =>
      json(response, status, { errcode: "M_X" }, { location: "http://127.0.0.1:1/elsewhere" }),
    );
    const error = await failureOf(client.send("!r", "t", "txn", {}, { as: "@g:hs", signal }));
    expect(error).toMatchObject({ fault, code, status });
    expect(seen).toHaveLength(1);
  });

  it("lets letters wait and tells the operator what to compare when the token is refused", async () => {
    const { client, lines } = await serve((_request, response) =>
      json(response, 401, { errcode: "M_UNKNOWN_TOKEN" }),
    );
    const error = await failureOf(client.send("!r", "t", "txn", {}, { as: "@g:hs", signal }));
    expect(error).toMatchObject({ fault: "transient", code: "AUTH_REFUSED" });
    expect(lines).toMatchObject([{ level: "error", event: "homeserver-refuses-token" }]);
    expect(JSON.stringify(lines)).not.toContain("as-secret");
  });

  it.each([
    ["a reset", (_r: IncomingMessage, response: ServerResponse) => response.destroy()],
    ["silence", () => undefined],
    [
      "half an answer",
      (_r: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("{");
        response.destroy();
      },
    ],
    ["no JSON", (_r: IncomingMessage, response: ServerResponse) => void response.end("<html>")],
    ["another form", (_r: IncomingMessage, response: ServerResponse) => void response.end("{}")],
  ] as [string, Answer][])("is transient after %s", async (_name, answer) => {
    const { client } = await serve(answer, 300);
    const error = await failureOf(client.send("!r", "t", "txn", {}, { as: "@g:hs", signal }));
    expect(error).toMatchObject({ fault: "transient" });
    expect(error).toBeInstanceOf(HomeserverError);
    expect(error.cause).toBeDefined();
  });

  it("stops when the caller does", async () => {
    const { client } = await serve(() => undefined);
    const aborted = AbortSignal.timeout(20);
    expect(
      await failureOf(client.send("!r", "t", "x", {}, { as: "@g:hs", signal: aborted })),
    ).toMatchObject({
      fault: "transient",
    });
  });

  it("encodes every inserted segment", () => {
    expect(path`/rooms/${"!a/b?c#d"}/x`).toBe("/rooms/!a%2Fb%3Fc%23d/x");
  });

  it("reads Retry-After in seconds and as a date", () => {
    const now = Date.parse("2026-03-02T09:00:00Z");
    expect(retryAfter("7", now)).toBe(7_000);
    expect(retryAfter("Mon, 02 Mar 2026 09:00:30 GMT", now)).toBe(30_000);
    expect(retryAfter("Mon, 02 Mar 2026 08:00:00 GMT", now)).toBe(0);
    expect(retryAfter("soon", now)).toBeUndefined();
    expect(retryAfter(undefined, now)).toBeUndefined();
  });
});

describe("media", () => {
  const file = {
    name: "ü.pdf",
    mediaType: "application/pdf",
    size: 5,
    source: Buffer.from("hello"),
  };
  const mediaOf = (client: ReturnType<typeof createClient>) =>
    createMedia({ client, blobs: memoryBlobs(), limitBytes: 100, now: () => new Date(0) });

  it("asks for the limit once and refuses for good what is larger", async () => {
    const { client, seen } = await serve((request, response) => {
      if (request.url?.includes("/config")) json(response, 200, { "m.upload.size": 4 });
      else json(response, 200, { content_uri: "mxc://hs/x" });
    });
    const media = mediaOf(client);
    for (let i = 0; i < 2; i += 1)
      expect(await failureOf(media.upload(file, "@g:hs", signal))).toMatchObject({
        fault: "permanent",
        code: "ATTACHMENT_REJECTED",
      });
    expect(seen).toHaveLength(1);
  });

  it("uploads with its length, and asks for the limit anew after a 413", async () => {
    let full = true;
    const { client, seen } = await serve((request, response, body) => {
      if (request.url?.includes("/v1/media/config"))
        return json(response, 404, { errcode: "M_UNRECOGNIZED" });
      if (request.url?.includes("/v3/config")) return json(response, 200, {});
      expect(request.headers["content-length"]).toBe("5");
      expect(body).toBe("hello");
      if (full) return json(response, 413, { errcode: "M_TOO_LARGE" });
      return json(response, 200, { content_uri: "mxc://hs/x" });
    });
    const media = mediaOf(client);
    expect(await failureOf(media.upload(file, "@g:hs", signal))).toMatchObject({
      code: "ATTACHMENT_REJECTED",
    });
    full = false;
    expect(await media.upload(file, "@g:hs", signal)).toBe("mxc://hs/x");
    expect(seen.filter((line) => line.includes("/v3/config"))).toHaveLength(2);
  });

  it("tells what is gone from what is only out of reach", async () => {
    let status = 404;
    const { client } = await serve((_request, response) => {
      if (status === 200) response.end("hello");
      else json(response, status, { errcode: "M_NOT_FOUND" });
    });
    const media = mediaOf(client);
    expect(await media.download("mxc://hs/x", "@k:hs", signal)).toBeUndefined();
    expect(await media.download("http://hs/x", "@k:hs", signal)).toBeUndefined();
    status = 502;
    expect(await failureOf(media.download("mxc://hs/x", "@k:hs", signal))).toMatchObject({
      fault: "transient",
    });
    status = 200;
    expect(await media.download("mxc://hs/x", "@k:hs", signal)).toMatchObject({ size: 5 });
  });

  it("treats a download that breaks off as out of reach", async () => {
    const { client } = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("hello");
      setImmediate(() => response.destroy());
    });
    expect(await failureOf(mediaOf(client).download("mxc://hs/x", "@k:hs", signal))).toMatchObject({
      fault: "transient",
    });
  });
});
