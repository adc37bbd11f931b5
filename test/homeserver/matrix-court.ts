/** An authority whose two clerks get letters of a court that ask for an act (see matrix-acts and matrix-commands). */
import { afterEach, beforeEach } from "vitest";
import { startHomeserver, type Homeserver } from "../../fixtures/simulators/homeserver/index.ts";
import type { ActionRequest, IncomingMessage, Message } from "../../src/model/message.ts";
import type { Json, MatrixClient } from "../support/matrix-client.ts";
import { accountSample } from "../unit/matrix/account-sample.ts";
import { SERVER, planSite, startWorld, type World, type WorldOptions } from "./matrix-harness.ts";
import { enterRoom, say, statusBecomes } from "./matrix-people.ts";

export const REQUEST: ActionRequest = {
  name: "eeb",
  title: "Empfangsbekenntnis",
  deadline: new Date("2099-11-21T22:59:00.000Z"),
  choices: [
    {
      name: "abgeben",
      label: "Empfang bestätigen",
      argument: { label: "Datum", kind: "date", required: true },
    },
    {
      name: "ablehnen",
      label: "Empfang ablehnen",
      argument: { label: "Grund", kind: "text", required: true },
    },
  ],
};
const OFFICE = accountSample({
  name: "bauamt",
  clerks: [`@anna:${SERVER}`, `@bernd:${SERVER}`],
  links: [{ mailbox: "mailbox-1", user: `@erika:${SERVER}` }],
});

/** Set up before and torn down after every test of the file that makes it. */
export class Court {
  #homeserver: Homeserver | undefined;
  #world: World | undefined;
  #options: WorldOptions | undefined;
  #room: string | undefined;
  #people: Record<"anna" | "bernd", MatrixClient> | undefined;

  constructor() {
    beforeEach(async () => {
      const site = await planSite();
      const started = { registration: site.registration, serverName: SERVER };
      this.#homeserver = await startHomeserver(started);
      const { homeserver } = this;
      const person = (name: string) => homeserver.registerUser(name);
      this.#people = { anna: person("anna"), bernd: person("bernd") };
      this.#options = { homeserverUrl: homeserver.baseUrl, site, accounts: [OFFICE] };
    });
    afterEach(async () => {
      await this.#world?.stop();
      await this.#homeserver?.stop();
    });
  }

  get homeserver(): Homeserver {
    return there(this.#homeserver);
  }
  get world(): World {
    return there(this.#world);
  }
  get roomId(): string {
    return there(this.#room);
  }
  get anna(): MatrixClient {
    return there(this.#people).anna;
  }
  get bernd(): MatrixClient {
    return there(this.#people).bernd;
  }

  async open(more: Partial<WorldOptions> = {}): Promise<void> {
    this.#world = await startWorld({ ...there(this.#options), ...more });
  }
  async enter(): Promise<void> {
    this.#room = await enterRoom(this.anna);
    await enterRoom(this.bernd);
  }
  /** Started, with one letter that asks for an act; both clerks are in its room. Answers its id. */
  async begin(more: Partial<WorldOptions> = {}): Promise<string> {
    await this.open(more);
    const id = await this.ask();
    await this.enter();
    return id;
  }

  /** A court's letter to the authority, delivered into its room. */
  async write(changes: Partial<IncomingMessage>): Promise<string> {
    const id = await this.world.fromLegacy({
      from: { address: "gericht-1", name: "Amtsgericht Musterstadt", role: "authority" },
      to: [{ address: "bauamt", name: "Bauamt Musterstadt", role: "authority" }],
      ...changes,
    });
    await this.world.settled(id);
    return id;
  }
  ask(changes: Partial<IncomingMessage> = {}): Promise<string> {
    return this.write({
      subject: "Ladung",
      request: REQUEST,
      replyPolicy: "forbidden",
      ...changes,
    });
  }

  type(client: MatrixClient, body: string, more: Json = {}): Promise<string> {
    return say(client, this.roomId, { msgtype: "m.text", body, ...more });
  }
  async eventOf(id: string): Promise<string> {
    return (await this.world.letter(id)).remoteId ?? "";
  }
  async replyTo(id: string): Promise<Json> {
    return { "m.relates_to": { "m.in_reply_to": { event_id: await this.eventOf(id) } } };
  }
  refused(client: MatrixClient, event: string) {
    return statusBecomes(client, this.roomId, event, "submission-rejected");
  }
  /** The acts that the legacy system was handed. */
  acts(): readonly Message[] {
    return this.world.legacy.letters.filter((letter) => letter.action !== undefined);
  }
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("the court has not begun");
  return value;
}
