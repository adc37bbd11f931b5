import { describe, expect, it } from "vitest";
import { base32, createNames, isApplicationUser, localpartOf } from "../../../src/matrix/names.ts";
import { splitMxc } from "../../../src/matrix/media.ts";
import { txnIdOf } from "../../../src/matrix/voice.ts";

const names = createNames("_postfach_", "example.org");
const key = Buffer.alloc(32, 7);

describe("names", () => {
  it("encodes base32 as RFC 4648 §10, in lower case and without padding", () => {
    const vectors: [string, string][] = [
      ["", ""],
      ["f", "my"],
      ["fo", "mzxq"],
      ["foo", "mzxw6"],
      ["foob", "mzxw6yq"],
      ["fooba", "mzxw6ytb"],
      ["foobar", "mzxw6ytboi"],
    ];
    for (const [plain, encoded] of vectors) expect(base32(Buffer.from(plain))).toBe(encoded);
  });

  it("never shows the mailbox in a ghost's id, and gives each account its own ghost", () => {
    const ghost = names.ghost("bundid", key, "mailbox-1");
    expect(ghost).toMatch(/^@_postfach_bundid_[a-z2-7]{26}:example\.org$/);
    expect(names.ghost("bundid", key, "mailbox-1")).toBe(ghost);
    expect(names.ghost("bundid", key, "mailbox-2")).not.toBe(ghost);
    expect(names.ghost("bundid", Buffer.alloc(32, 8), "mailbox-1")).not.toBe(ghost);
  });

  it("tells its own users from others, also from users of other servers with our prefix", () => {
    expect(names.isOwn(names.keeper)).toBe(true);
    expect(names.isOwn(names.bot)).toBe(true);
    expect(names.isOwn("@_postfach_x:evil.org")).toBe(false);
    expect(names.isOwn("@erika:example.org")).toBe(false);
    expect(isApplicationUser("@_irc_x:example.org")).toBe(true);
    expect(localpartOf(names.keeper)).toBe("_postfach_keeper");
  });

  it("makes the same transaction id for the same part of the same letter, and never for two", () => {
    const id = txnIdOf("delivery-1", "main", "@g:x");
    expect(id).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(txnIdOf("delivery-1", "main", "@g:x")).toBe(id);
    const others = [
      txnIdOf("delivery-1", "main", "@h:x"),
      txnIdOf("delivery-1", "file-0", "@g:x"),
      txnIdOf("delivery-2", "main", "@g:x"),
      txnIdOf("delivery-1main", "", "@g:x"),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
  });

  it("takes only well-formed mxc URIs apart", () => {
    expect(splitMxc("mxc://example.org:8448/AbC_-9")).toEqual({
      server: "example.org:8448",
      id: "AbC_-9",
    });
    for (const bad of [
      "https://x/y",
      "mxc://x",
      "mxc://x/../y",
      "mxc://x/y/z",
      "mxc://x/y?z=1",
      "mxc:///y",
    ])
      expect(splitMxc(bad)).toBeUndefined();
  });
});
