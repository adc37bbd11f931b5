import { writeFileSync } from "node:fs";
import { GatewayError } from "../model/errors.ts";
import { closingReport, reportDigest, type ClosingReport } from "../transition/closing.ts";
import { EXIT } from "./exit.ts";
import { facts, lines, safeText, type Style } from "./output.ts";
import type { AddCommand } from "./program.ts";

export const addDecommission: AddCommand = (parent, cli) => {
  parent
    .command("decommission <account>")
    .description(
      "Proves that nothing is left of an account and writes the closing report. Removes nothing.",
    )
    .option("-o, --out <file>", "write the report (JSON) to this file; it must not exist")
    .action((account: string, { out }: { out?: string }) =>
      cli().withStorage(async ({ loaded, storage }) => {
        const configured = loaded.config.accounts.find(({ name }) => name === account);
        const links = configured?.links.length ?? 0;
        const now = cli().now();
        const report = await closingReport(storage.store, account, links, now);
        const digest = reportDigest(report);
        if (out !== undefined) writeReport(out, { ...report, digest });
        if (report.closed) {
          const detail = { report: digest, letters: report.letters.total };
          const entry = { actor: cli().actor, action: "account-closed", subject: account, detail };
          await storage.store.appendAudit(entry, now);
        } else cli().exitWith(EXIT.failed.code);
        cli().print({ ...report, digest }, () => render(cli().style, report, digest));
      }),
    );
};

function writeReport(file: string, report: object): void {
  try {
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`, { flag: "wx", mode: 0o640 });
  } catch (cause) {
    throw new GatewayError("NOT_ALLOWED", `${file} cannot be written: ${String(cause)}`, { cause });
  }
}

function render(style: Style, report: ClosingReport, digest: string): string {
  const { account, phase, letters, left, closed, audit } = report;
  const counted = Object.entries(letters.byState).filter(([, count]) => count > 0);
  return [
    facts({
      account,
      phase,
      letters: `${letters.total}, of them ${letters.copies} copies and ${letters.history} of moved history`,
      states: counted.map(([state, count]) => `${state} ${count}`).join(", ") || undefined,
      first: letters.first?.toISOString(),
      last: letters.last?.toISOString(),
      "digest of all": letters.digest,
      "audit log": audit.whole ? `whole, ${audit.entries} entries` : "BROKEN, see `audit verify`",
      "report digest": digest,
    }),
    "\n",
    lines(
      left.flatMap(({ kind, what, count, next }) => [
        `${kind === "block" ? style.bad("✗") : style.warn("!")} ${count} ${safeText(what)}`,
        `  → ${safeText(next)}`,
      ]),
    ),
    closed
      ? `${style.good("nothing is left")}: the account can be taken out of the configuration\n`
      : `${style.bad("not closed")}\n`,
  ].join("");
}
