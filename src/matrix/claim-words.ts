import { mailboxId } from "../bridge/settings.ts";
import { isCommand } from "./act-command.ts";

/** What a reader says in the chat in which mailboxes are linked. Pure. */
export type ClaimCommand =
  | { readonly kind: "confirm"; readonly code: string }
  | { readonly kind: "request"; readonly account: string; readonly mailbox: string }
  | { readonly kind: "other" };

/** Longest message that is read as a command, characters. */
const MAX_COMMAND = 400;
/** Longest code that is compared, characters: people copy it with spaces and dashes. */
const MAX_CODE = 64;
const mailbox = mailboxId();

/** `!postfach bestätigen <code>`, `!postfach verknüpfen <account> <mailbox>`; umlauts may be written as two letters. */
export function readClaimCommand(text: string): ClaimCommand {
  const other = { kind: "other" } as const;
  if (text.length > MAX_COMMAND || !isCommand(text)) return other;
  const plain = text.normalize("NFC").replaceAll(/\p{Cf}/gu, "");
  const [, word = "", rest = ""] = /^\s*[!！]\s*postfach\s+(\S+)\s+([\s\S]+)$/i.exec(plain) ?? [];
  const verb = word.toLowerCase().replaceAll("ä", "ae").replaceAll("ü", "ue");
  const words = rest.trim().split(/\s+/);
  if (verb === "bestaetigen") {
    const code = words.join("");
    return code !== "" && code.length <= MAX_CODE ? { kind: "confirm", code } : other;
  }
  const [account = "", id = "", more] = words;
  if (verb !== "verknuepfen" || more !== undefined) return other;
  return /^[a-z][a-z0-9-]{0,39}$/.test(account) && mailbox.safeParse(id).success
    ? { kind: "request", account, mailbox: id }
    : other;
}

/** What we say, German. None of it tells whether a mailbox, a link or a code exists. */
export const CLAIM_WORDS = {
  linked:
    "Ihr Postfach ist jetzt mit diesem Matrix-Konto verbunden. Sie werden in die Räume Ihrer Vorgänge eingeladen.",
  refused:
    "Dieser Code gilt hier nicht oder nicht mehr. Ein Code gilt nur einmal, nur für das Matrix-Konto, für das er " +
    "beantragt wurde, und wird nach mehreren falschen Eingaben gesperrt. Beantragen Sie dann einen neuen.",
  requested:
    "Wenn es dieses Postfach gibt und es verbunden werden darf, liegt dort in Kürze ein Schreiben mit einem Einmalcode. " +
    "Senden Sie ihn dann hier: !postfach bestätigen <Code>",
  alone: "Postfächer werden nur in einem Chat zu zweit verbunden.",
  encrypted:
    "Verschlüsselte Nachrichten kann die Postfachbrücke nicht lesen. Bitte beginnen Sie einen Chat ohne Verschlüsselung.",
} as const;

export function claimHelp(asks: boolean): string {
  return [
    "Hier verbinden Sie Ihr Postfach mit diesem Matrix-Konto. Schreiben an Behörden werden hier nicht übermittelt.",
    ...(asks
      ? ["!postfach verknüpfen <Konto> <Postfach> – Einmalcode in das Postfach senden"]
      : []),
    "!postfach bestätigen <Code> – den Einmalcode aus dem Postfach eingeben",
  ].join("\n");
}
