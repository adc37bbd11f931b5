import { describe, expect, it } from "vitest";
import { cardsIn } from "../../../fixtures/simulators/osci-intermediary/answers.ts";
import { messageIdRule, useIntermediary } from "./intermediary-support.ts";

const bed = useIntermediary();
const since = (name: string, at: string, attributes = ""): string =>
  `<osci:${name}${attributes}>${at}</osci:${name}>`;

/** Three deliveries on three days; the first is confirmed on the fourth day. */
async function prepare() {
  let now = new Date("2026-03-01T10:00:00Z");
  const intermediary = await bed.start({ now: () => now });
  const sender = bed.client("sender");
  const ids: string[] = [];
  for (const day of ["01", "02", "03"]) {
    now = new Date(`2026-03-${day}T10:00:00Z`);
    ids.push(await bed.deposit(sender));
  }
  now = new Date("2026-03-04T10:00:00Z");
  const recipient = bed.client("recipient");
  await recipient.initDialog();
  await recipient.fetchDelivery();
  await recipient.exitDialog();
  await sender.initDialog();
  await recipient.initDialog();
  return { intermediary, sender, recipient, ids };
}

describe("FetchProcessCard", () => {
  it("shows a delivery to both sides, and its stamps", async () => {
    const { sender, recipient, ids } = await prepare();
    for (const client of [sender, recipient]) {
      const answer = await client.fetchProcessCard(messageIdRule(ids[0] ?? ""));
      expect([answer.codes, answer.problems]).toEqual([["0801"], []]);
      expect(cardsIn(answer)).toMatchObject([
        {
          messageId: ids[0],
          creation: "2026-03-01T11:00:00.000+01:00",
          forwarding: "2026-03-04T11:00:00.000+01:00",
          reception: "2026-03-04T11:00:00.000+01:00",
        },
      ]);
    }
  });

  it("selects several ids, by change, by arrival, without reception and by role", async () => {
    const { sender, recipient, ids } = await prepare();
    const [first = "", second = "", third = ""] = ids;
    const select = async (rule: string | undefined, client = sender) => {
      const { codes, ...answer } = await client.fetchProcessCard(rule);
      return codes.includes("9804")
        ? "9804"
        : cardsIn({ ...answer, codes }).map((c) => c.messageId);
    };
    expect(await select(undefined)).toEqual([second, third, first]);
    expect(await select(messageIdRule(first, third))).toEqual([third, first]);
    expect(await select(since("RecentModification", "2026-03-03T10:00:00Z"))).toEqual([
      third,
      first,
    ]);
    expect(await select(since("ReceptionOfDelivery", "2026-03-02T10:00:00Z"))).toEqual([
      second,
      third,
    ]);
    const open = since("ReceptionOfDelivery", "2026-01-01T00:00:00Z", ' NoReception="true"');
    expect(await select(open)).toEqual([second, third]);
    const asSender = since("RecentModification", "2026-01-01T00:00:00Z", ' Role="Originator"');
    expect(await select(asSender)).toHaveLength(3);
    expect(await select(asSender, recipient)).toBe("9804");
    const asAddressee = asSender.replace("Originator", "Addressee");
    expect(await select(asAddressee)).toBe("9804");
    expect(await select(asAddressee, recipient)).toHaveLength(3);
  });

  it("says 3801 when the wanted number is not all, 9804 when there is none", async () => {
    const { sender } = await prepare();
    const two = await sender.fetchProcessCard(undefined, 2);
    expect([two.codes, cardsIn(two).length]).toEqual([["0801", "3801"], 2]);
    expect((await sender.fetchProcessCard(undefined, 3)).codes).toEqual(["0801"]);
    const none = await sender.fetchProcessCard(messageIdRule("govapp_0"));
    expect([none.codes, none.problems]).toEqual([["9804"], []]);
    expect(none.message?.parsed.xml).toContain("<osci:fetchProcessCard><osci:SelectionRule>");
  });

  it("shows nothing to others", async () => {
    const { ids } = await prepare();
    const { sender } = bed.keys;
    const stranger = bed.client("sender", { cipher: bed.keys.cipher, signature: sender.signature });
    await stranger.initDialog();
    expect((await stranger.fetchProcessCard(messageIdRule(...ids))).codes).toEqual(["9804"]);
  });

  it("refuses a selection that is none", async () => {
    const { sender } = await prepare();
    const both = messageIdRule("a") + since("RecentModification", "2026-03-03T10:00:00Z");
    expect((await sender.fetchProcessCard(both)).fault).toBe("9300");
  });
});
