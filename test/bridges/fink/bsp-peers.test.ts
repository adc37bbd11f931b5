import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { loadPeers } from "../../../bridges/fink/bsp/peers.ts";
import { BUILT_IN } from "../../../bridges/fink/bsp/profile.ts";
import { openServer } from "../../../bridges/fink/bsp/server.ts";
import {
  createLegacyAuthority,
  renderNachricht,
} from "../../../fixtures/simulators/postkorb/index.ts";
import { newId } from "../../../src/model/id.ts";
import { deadPort } from "../../support/dead-port.ts";
import { ENTITY, letters, MAILBOX, makeKeys, openServerBench } from "./bench.ts";
import type { Keys, ServerBench, Wish } from "./bench.ts";

let keys: Keys;
let bench: ServerBench;
beforeAll(async () => void (keys = await makeKeys()));
afterAll(() => keys.remove());
afterEach(() => bench.stop());
const open = async (wish: Wish = {}) => (bench = await openServerBench(keys, wish));

describe("who may deliver", () => {
  it("a stranger and a nameless one are told so", async () => {
    await open();
    const document = renderNachricht({ mailbox: MAILBOX });
    expect((await bench.as(keys.stranger).sendNative(document)).status).toBe(403);
    expect((await bench.as().sendNative(document)).status).toBe(403);
    expect(letters(bench.state)).toHaveLength(0);
  });
  it("an address counts where the operator says so", async () => {
    await open({ sender: { certificate: undefined, addresses: ["127.0.0.1"] } });
    expect((await bench.as().sendNative(renderNachricht({ mailbox: MAILBOX }))).code).toBe("0");
    await bench.stop();
    await open({ sender: { addresses: ["192.0.2.1"] } });
    expect((await bench.authority.sendNative(renderNachricht({ mailbox: MAILBOX }))).status).toBe(
      403,
    );
  });
  it("an authority whose account left the federation is shut out at once", async () => {
    await open();
    const { context } = bench;
    const port = await deadPort();
    const settings = context.config.server;
    if (settings === undefined) throw new Error("no server");
    const gone = new Set<string>();
    const listener = await openServer({
      context,
      settings: { ...settings, listen: { host: "127.0.0.1", port } },
      profile: BUILT_IN,
      authority: context.config.authority,
      unlinked: "reject",
      peers: loadPeers(settings.senders),
      isExcluded: (entityId) => gone.has(entityId),
    });
    const sender = createLegacyAuthority({
      origin: `https://127.0.0.1:${port}`,
      caPem: keys.pki.ca.certPem,
      identity: keys.authority,
    });
    const send = () => sender.sendNative(renderNachricht({ mailbox: MAILBOX, id: newId() }));
    expect((await send()).code).toBe("0");
    gone.add(ENTITY);
    expect((await send()).status).toBe(403);
    expect(letters(bench.state)).toHaveLength(1);
    await listener.close();
  });
  it("gets the WSDL where the old node had it", async () => {
    await open();
    const place = "/bspx-postkorb-okkomm-ws/bspservices/postkorbkomm";
    const get = (file: string) =>
      bench.authority.send("", { method: "GET", path: file, headers: {} });
    const wsdl = await get(`${place}.wsdl`);
    expect([wsdl.status, wsdl.body.includes(`location="${bench.origin}${place}"`)]).toEqual([
      200,
      true,
    ]);
    expect((await get("/bspx-postkorb-okkomm-ws/bspservices/postkorbkomm.xsd")).status).toBe(200);
    expect((await get("/bspx-postkorb-okkomm-ws/bspservices/../settings.ts")).status).toBe(404);
  });
});
