import { beforeAll, expect, test } from "vitest";
import type { Synapse } from "../../deploy/tools/synapse.mjs";
import { describeWith, useSynapse } from "../support/services/index.ts";

const synapse = await useSynapse();

describeWith("Synapse for tests", synapse, ({ start }) => {
  let server: Synapse;
  beforeAll(async () => {
    server = await start({ roomVersion: "11" });
  });

  test("keeps its users, port and rooms when it is killed", async () => {
    const user = await server.registerUser("anna", "geheim");
    const request = async (method: string, path: string, body?: string): Promise<unknown> => {
      const headers = { authorization: `Bearer ${user.accessToken}` };
      const init = body === undefined ? { method, headers } : { method, headers, body };
      const answer = await fetch(`${server.baseUrl}/_matrix/client/v3/${path}`, init);
      return answer.json();
    };
    const room = (await request("POST", "createRoom", "{}")) as { room_id: string };
    const pid = server.pid;
    await server.kill();
    await server.restart();
    expect(server.pid).not.toBe(pid);
    expect(await request("GET", "joined_rooms")).toEqual({ joined_rooms: [room.room_id] });
  });
});
