/** Media: limits, authenticated download, the old paths, uploads in two steps. */
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import { seg, v3 } from "../parity-target.ts";
import type { NoteBook, ParityTarget, Scenario } from "../parity-target.ts";
import { MatrixClient } from "../../support/matrix-client.ts";

const api = "/_matrix/client/v1/media";
const old = "/_matrix/media/v3";

async function upAndDown(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("mediaghost");
  const user = await t.user("mediauser");
  const nobody = new MatrixClient({ baseUrl: t.baseUrl });
  await book.ask("limits", user, "GET", `${api}/config`);
  await book.ask("limits without token", nobody, "GET", `${api}/config`);
  await book.ask("limits, old path", user, "GET", `${old}/config`);
  const upload = (label: string, who: MatrixClient, data: string, type?: string, name?: string) =>
    book.ask(label, who, "POST", `${old}/upload`, {
      raw: new TextEncoder().encode(data),
      headers: type === undefined ? {} : { "content-type": type },
      query: { filename: name },
    });
  const pdf = await upload("upload", ghost, "%PDF-content", "application/pdf", "Bescheid ü.pdf");
  const html = await upload("upload html", user, "<b>x</b>", "text/html");
  const plain = await upload("upload without type", user, "abc");
  await upload("without token", nobody, "abc");
  await upload("empty", user, "", "text/plain");
  await upload("largest", user, "x".repeat(1_048_576), "text/plain");
  await upload("too large", user, "x".repeat(1_048_577), "text/plain");
  const read = async (label: string, who: MatrixClient, path: string) => {
    const response = await who.fetch("GET", path);
    const body = await response.text();
    const header = (name: string) => response.headers.get(name);
    const names = ["content-type", "content-disposition", "content-length"];
    const seen = response.ok ? names.map(header) : undefined;
    book.note(label, [response.status, response.ok ? body : JSON.parse(body), seen]);
  };
  const id = (reply: { body: Record<string, unknown> }) =>
    String(reply.body["content_uri"]).slice("mxc://".length);
  await read("download", user, `${api}/download/${id(pdf)}`);
  await read("download by the ghost", ghost, `${api}/download/${id(pdf)}`);
  await read("download under another name", user, `${api}/download/${id(pdf)}/x.pdf`);
  await read("download html", user, `${api}/download/${id(html)}`);
  await read("download without type", user, `${api}/download/${id(plain)}`);
  await read("download without token", nobody, `${api}/download/${id(pdf)}`);
  await read("download unknown", user, `${api}/download/hs.test/${"x".repeat(24)}`);
  await read("old download", nobody, `${old}/download/${id(pdf)}`);
  await read("old download with token", user, `${old}/download/${id(pdf)}`);
  const mxc = String(pdf.body["content_uri"]);
  const bytes = await (await user.download(mxc)).text();
  book.note("by mxc", bytes);
}

async function twoSteps(t: ParityTarget, book: NoteBook): Promise<void> {
  const ghost = await t.ghost("twosteps");
  const other = await t.ghost("twosteps_other");
  const user = await t.user("twosteps");
  const made = await book.ask("create", ghost, "POST", "/_matrix/media/v1/create", { body: {} });
  const id = String(made.body["content_uri"]).slice("mxc://".length);
  const put = (label: string, who: MatrixClient, path = id, size = 3) =>
    book.ask(label, who, "PUT", `${old}/upload/${path}`, {
      raw: new TextEncoder().encode("x".repeat(size)),
      headers: { "content-type": "text/plain" },
    });
  await book.ask("download too early", user, "GET", `${api}/download/${id}`, {
    query: { timeout_ms: 1 },
  });
  await put("by another ghost", other);
  await put("by a user", user);
  await put("too large", ghost, id, 1_048_577);
  await put("upload", ghost);
  await put("upload again", ghost);
  await put("unknown", ghost, `hs.test/${"y".repeat(24)}`);
  await put("other server", ghost, `other.test/${"y".repeat(24)}`);
  const response = await user.fetch("GET", `${api}/download/${id}`);
  book.note("download", [response.status, await response.text()]);
  await book.ask("bad id", user, "GET", `${api}/download/hs.test/${seg("a/b")}`);
}

async function awkwardUploads(t: ParityTarget, book: NoteBook): Promise<void> {
  const user = await t.user("awkward");
  const chunked = Readable.from([Buffer.from("abc"), Buffer.from("def")]);
  await book.ask("no content-length", user, "POST", `${old}/upload`, {
    raw: Readable.toWeb(chunked) as ReadableStream,
  });
  const huge = new Uint8Array(20 * 2 ** 20);
  const answer = await user.attempt("POST", `${old}/upload`, { raw: huge }).then(
    (reply) => [reply.status, reply.body["errcode"]],
    (error: unknown) => `failed: ${error instanceof Error ? error.name : "?"}`,
  );
  book.note("20 MiB", answer);
  const event = await user
    .attempt("POST", `${v3}/createRoom`, { raw: JSON.stringify({ x: "x".repeat(20 * 2 ** 20) }) })
    .then(
      (reply) => [reply.status, reply.body["errcode"]],
      (error: unknown) => `failed: ${error instanceof Error ? error.name : "?"}`,
    );
  book.note("20 MiB of JSON", event);
}

export const mediaScenarios: readonly Scenario[] = [
  { name: "media", run: upAndDown },
  { name: "media in two steps", run: twoSteps },
  { name: "awkward uploads", run: awkwardUploads },
];
