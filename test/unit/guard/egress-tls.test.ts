import type { RequestListener, Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTls, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { createPki, type Identity, type Pki } from "../../../fixtures/simulators/pki/index.ts";
import type { EgressOptions } from "../../../src/guard/egress.ts";
import { closeAll, failure, listen, open, tcp } from "./egress-support.ts";

let pki: Pki;
let serverIdentity: Identity;
let clientIdentity: Identity;

beforeAll(async () => {
  pki = await createPki();
  serverIdentity = await pki.issue({ cn: "server", kind: "server" });
  clientIdentity = await pki.issue({ cn: "client" });
});
afterEach(closeAll);

describe("TLS", () => {
  const https = (handle: RequestListener, extra: object = {}) =>
    listen(
      createHttps(
        { cert: serverIdentity.certPem, key: serverIdentity.keyPem, ...extra },
        handle,
      ) as unknown as Server,
    );
  const secure = (port: number, tls: EgressOptions["tls"]) =>
    open(port, { allow: [{ host: "127.0.0.1", port }], ...(tls ? { tls } : {}) });

  test("the authority decides: unknown one not sent, named one works", async () => {
    const { port } = await https((_request, response) => response.end("ok"));
    const url = `https://127.0.0.1:${port}/`;
    expect((await failure(secure(port, undefined).fetch(url))).stage).toBe("not-sent");
    const answer = await secure(port, { ca: pki.ca.certPem }).fetch(url);
    expect(await answer.text()).toBe("ok");
  });

  test("a certificate for another name: not sent", async () => {
    const other = await pki.issue({ cn: "other", kind: "server", altNames: ["zbp.example"] });
    const { port } = await https(() => undefined, { cert: other.certPem, key: other.keyPem });
    const error = await failure(
      secure(port, { ca: pki.ca.certPem }).fetch(`https://127.0.0.1:${port}/`),
    );
    expect(error.stage).toBe("not-sent");
  });

  test("TLS 1.1 is not spoken", async () => {
    const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" };
    const { port } = await https((_request, response) => response.end(), old);
    const error = await failure(
      secure(port, { ca: pki.ca.certPem }).fetch(`https://127.0.0.1:${port}/`),
    );
    expect(error.stage).toBe("not-sent");
  });

  test("each client certificate travels on its own connections", async () => {
    const second = await pki.issue({ cn: "second" });
    const { port, sockets } = await https(
      (request, response) =>
        response.end((request.socket as TLSSocket).getPeerCertificate().subject.CN),
      { requestCert: true, ca: pki.ca.certPem },
    );
    const egress = secure(port, { ca: pki.ca.certPem });
    const names: string[] = [];
    for (const identity of [clientIdentity, second, clientIdentity]) {
      const tls = { cert: identity.certPem, key: identity.keyPem, ca: pki.ca.certPem };
      names.push(await (await egress.fetch(`https://127.0.0.1:${port}/`, { tls })).text());
    }
    expect(names).toEqual(["client", "second", "client"]);
    expect(sockets.size).toBe(2);
  });

  test("cut before the handshake is done: not sent", async () => {
    const { port } = await tcp((socket) => socket.once("data", () => socket.destroy()));
    const error = await failure(
      secure(port, { ca: pki.ca.certPem }).fetch(`https://127.0.0.1:${port}/`, { method: "POST" }),
    );
    expect(error.stage).toBe("not-sent");
  });

  test("a client certificate that is refused in the TLS 1.3 handshake: not sent", async () => {
    const stranger = await (await createPki({ name: "another CA" })).issue({ cn: "stranger" });
    let requests = 0;
    // Without tickets and with a check that ends the connection as soon as the handshake is done.
    const server = createTls(
      {
        cert: serverIdentity.certPem,
        key: serverIdentity.keyPem,
        ca: pki.ca.certPem,
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: "TLSv1.3",
        secureOptions: 1 << 14, // SSL_OP_NO_TICKET
      },
      () => (requests += 1),
    );
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    const { port } = await listen(server);
    const tls = { cert: stranger.certPem, key: stranger.keyPem, ca: pki.ca.certPem };
    const init = { method: "POST", body: "letter", tls };
    const error = await failure(secure(port, tls).fetch(`https://127.0.0.1:${port}/`, init));
    expect(error.stage).toBe("not-sent");
    expect(requests).toBe(0);
  });

  test("a server without session tickets still gets the letter of a good certificate", async () => {
    const { port } = await https((_request, response) => response.end("ok"), {
      requestCert: true,
      ca: pki.ca.certPem,
      secureOptions: 1 << 14,
    });
    const tls = { cert: clientIdentity.certPem, key: clientIdentity.keyPem, ca: pki.ca.certPem };
    expect(await (await secure(port, tls).fetch(`https://127.0.0.1:${port}/`)).text()).toBe("ok");
  });
});
