import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { containerEngine, parseAddress } from "../../../deploy/tools/container.mjs";
import { choosePackages } from "../../../deploy/tools/debian.mjs";
import { fit } from "../../../deploy/tools/progress.mjs";
import { describeReasons } from "../../../deploy/tools/provision.mjs";
import { pipPhase } from "../../../deploy/tools/synapse-install.mjs";
import { signRegistration } from "../../../deploy/tools/synapse.mjs";

test("of a simulated installation the programs and their libraries are chosen", () => {
  const lines = [
    "NOTE: This is only a simulation!",
    "Inst libllvm14 (1:14.0.6-12 Debian:12.5/oldstable [amd64])",
    "Inst libpq5 (15.18-0+deb12u1 Debian:12.5/oldstable [amd64])",
    "Inst libc6 [2.36-9] (2.36-10 Debian:12.5/oldstable [amd64])",
    "Inst libssl3 [3.0.15-1] (3.0.16-1 Debian:12.5/oldstable [amd64])",
    "Inst libjson-perl (4.10-1 Debian:12.5/oldstable [all])",
    "Inst postgresql-client-common (248 Debian:12.5/oldstable [all])",
    "Inst postgresql-client-15 (15.18-0+deb12u1 Debian:12.5/oldstable [amd64])",
    "Inst postgresql-15 (15.18-0+deb12u1 Debian:12.5/oldstable [amd64])",
    "Inst postgresql (15+248 Debian:12.5/oldstable [all])",
    "Conf libpq5 (15.18-0+deb12u1 Debian:12.5/oldstable [amd64])",
  ];
  expect(choosePackages(lines)).toEqual([
    "libpq5=15.18-0+deb12u1",
    "libssl3=3.0.16-1",
    "postgresql-client-15=15.18-0+deb12u1",
    "postgresql-15=15.18-0+deb12u1",
  ]);
});

test("xmlsec1 comes with the libraries that it loads by name", () => {
  const lines = [
    "Inst libxmlsec1 (1.2.37-2 Debian:12.5/oldstable [amd64])",
    "Inst libxmlsec1-openssl (1.2.37-2 Debian:12.5/oldstable [amd64])",
    "Inst xmlsec1 (1.2.37-2 Debian:12.5/oldstable [amd64])",
    "Inst xmlsec1-doc (1.2.37-2 Debian:12.5/oldstable [all])",
  ];
  expect(choosePackages(lines)).toEqual([
    "libxmlsec1=1.2.37-2",
    "libxmlsec1-openssl=1.2.37-2",
    "xmlsec1=1.2.37-2",
  ]);
});

describe("containerEngine", () => {
  test("understands the addresses of DOCKER_HOST", () => {
    expect(parseAddress("unix:///run/docker.sock")).toEqual({ socketPath: "/run/docker.sock" });
    expect(parseAddress("tcp://127.0.0.1:2375")).toEqual({ host: "127.0.0.1", port: 2375 });
    expect(parseAddress("ssh://somewhere")).toBeUndefined();
  });

  test("says when nobody is there", async () => {
    const env = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    expect(await containerEngine(env)).toHaveProperty("reason");
  });

  test("finds one that answers", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "engine-"));
    const socket = path.join(folder, "docker.sock");
    const server = http.createServer((request, answer) => {
      answer.statusCode = request.url === "/_ping" ? 200 : 404;
      answer.end();
    });
    server.listen(socket);
    await once(server, "listening");
    const address = `unix://${socket}`;
    expect(await containerEngine({ DOCKER_HOST: address })).toEqual({ address });
    server.close();
    fs.rmSync(folder, { recursive: true });
  });
});

test("a registration is signed over NUL-separated fields", () => {
  const user = { nonce: "abc", name: "anna", password: "geheim", admin: false };
  // printf 'abc\0anna\0geheim\0notadmin' | openssl dgst -sha1 -hmac secret
  expect(signRegistration("secret", user)).toBe("aa63bd0ee2baaaa2a53032338bc3f176e18082f3");
});

test("pip's lines become phases", () => {
  expect(pipPhase("Collecting matrix-synapse==1.163.2", 1)).toContain("(matrix-synapse)");
  expect(pipPhase("Installing collected packages: a, b", 58)).toBe("installing 58 packages");
  expect(pipPhase("  Using cached a.whl", 2)).toBeUndefined();
});

test("tasks share one line of a terminal", () => {
  expect(fit(["Redis 3 s: fetching 5 packages", "b"], 40)).toHaveLength(
    "Redis 3 s: fetch… | b".length,
  );
  expect(fit(["a", "b"], 80)).toBe("a | b");
});

test("reasons travel to child processes by name", () => {
  expect(describeReasons(new Map([["synapse", "no Python"]]))).toEqual({
    POSTFACH_NO_SYNAPSE: "no Python",
  });
});
