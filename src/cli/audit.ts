import type { AuditEntry } from "../store/store.ts";
import { EXIT } from "./exit.ts";
import { parseLimit } from "./options.ts";
import { table } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addAudit: AddCommand = (parent, cli) => {
  const audit = parent
    .command("audit")
    .description("What operators did, the newest first.")
    .option("--subject <id>", "only about this letter, quarantine item or account/mailbox")
    .option("--limit <number>", "at most so many", parseLimit, 50)
    .action(({ subject, limit }: { subject?: string; limit: number }) =>
      cli().withStorage(async ({ storage }) => {
        const filter = subject === undefined ? { limit } : { subject, limit };
        const entries = await storage.store.listAudit(filter);
        cli().print({ entries }, () => render(entries));
      }),
    );
  audit
    .command("verify")
    .description("Walks the hash chain over all entries: was one changed, taken out or added?")
    .action(() =>
      cli().withStorage(async ({ storage }) => {
        const broken = await storage.store.verifyAudit();
        if (broken) cli().exitWith(EXIT.failed.code);
        cli().print({ ok: !broken, ...(broken ? { broken } : {}) }, () =>
          broken
            ? `✗ the chain is broken at entry ${broken.seq}: something was changed outside the gateway\n`
            : "✓ the chain is whole\n",
        );
      }),
    );
};

function render(entries: readonly AuditEntry[]): string {
  if (entries.length === 0) return "no entries\n";
  return table(
    ["NO", "TIME", "WHO", "WHAT", "ABOUT", "DETAIL"],
    entries.map(({ seq, at, actor, action, subject, detail = {} }) => [
      seq,
      at.toISOString(),
      actor,
      action,
      subject,
      Object.entries(detail)
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(" "),
    ]),
  );
}
