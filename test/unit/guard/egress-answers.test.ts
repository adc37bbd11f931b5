import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { closeAll, failure, http, open } from "./egress-support.ts";

afterEach(closeAll);

describe("answers", () => {
  test.each([301, 302, 303, 307, 308])("%i is an error and never followed", async (status) => {
    const paths: string[] = [];
    const { port } = await http((request, response) => {
      paths.push(request.url ?? "");
      response.writeHead(status, { location: "/other" }).end();
    });
    const error = await failure(open(port).fetch(`http://127.0.0.1:${port}/first`));
    expect(error.stage).toBe("sent");
    expect(error.status).toBe(status);
    expect(paths).toEqual(["/first"]);
  });

  test("an announced length over the limit", async () => {
    const { port } = await http((_request, response) => response.end("x".repeat(1_001)));
    const egress = open(port, { maxAnswerBytes: 1_000 });
    const error = await failure(egress.fetch(`http://127.0.0.1:${port}/`));
    expect(error.message).toContain("more than 1000 bytes");
  });

  test("an answer without length is cut at the limit", async () => {
    const { port } = await http((_request, response) => {
      response.on("error", () => undefined);
      Readable.from(
        (function* () {
          for (;;) yield Buffer.alloc(1_000);
        })(),
      ).pipe(response);
    });
    const egress = open(port, { maxAnswerBytes: 100_000 });
    const answer = await egress.fetch(`http://127.0.0.1:${port}/`);
    const error = await failure(answer.arrayBuffer());
    expect(error.stage).toBe("sent");
    expect(error.message).toContain("more than 100000 bytes");
  });

  test("headers over the limit", async () => {
    const { port } = await http((_request, response) =>
      response.writeHead(200, { "x-long": "x".repeat(60_000) }).end(),
    );
    expect((await failure(open(port).fetch(`http://127.0.0.1:${port}/`))).stage).toBe("sent");
  });

  test("a refusal that comes before the body is complete is read", async () => {
    const { port } = await http((request, response) => {
      request.once("data", () => {
        response.writeHead(413).end("too large");
        request.resume();
      });
    });
    let made = 0;
    const body = new Readable({
      read() {
        made += 1;
        if (made > 4_000) this.push(null);
        else this.push(Buffer.alloc(10_000));
      },
    });
    const answer = await open(port).fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    expect(answer.status).toBe(413);
    expect(await answer.text()).toBe("too large");
  });
});

test("200 MB pass through in constant memory, byte for byte, at the speed of the reader", async () => {
  const piece = Buffer.alloc(1_000_000, 7);
  const count = 200;
  const received = createHash("sha256");
  let size = 0;
  const { port } = await http((request, response) => {
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      received.update(chunk);
    });
    request.on("end", () => response.end());
  });
  const expected = createHash("sha256");
  let peak = 0;
  const before = process.memoryUsage().arrayBuffers;
  const body = Readable.from(
    (function* () {
      for (let n = 0; n < count; n++) {
        peak = Math.max(peak, process.memoryUsage().arrayBuffers);
        const copy = Buffer.from(piece);
        copy.writeUInt32BE(n);
        expected.update(copy);
        yield copy;
      }
    })(),
  );
  const init = {
    method: "POST",
    body,
    headers: { "content-length": String(count * piece.length) },
  };
  const answer = await open(port).fetch(`http://127.0.0.1:${port}/`, init);
  expect(answer.status).toBe(200);
  expect(size).toBe(count * piece.length);
  expect(received.digest("hex")).toBe(expected.digest("hex"));
  expect(peak - before).toBeLessThan(100_000_000);
}, 60_000);
