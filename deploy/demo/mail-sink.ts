import { once } from "node:events";
import { SMTPServer } from "smtp-server";

const MAX_MAILS = 10_000;
const MAX_MAIL_BYTES = 1_000_000;

export interface ReceivedMail {
  readonly to: readonly string[];
  readonly raw: string;
}
/** The legacy authority's mail server: takes everything, keeps it in memory. */
export interface MailSink {
  readonly mails: readonly ReceivedMail[];
  close(): Promise<void>;
}

export async function startMailSink(port: number): Promise<MailSink> {
  const mails: ReceivedMail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["AUTH", "STARTTLS"],
    size: MAX_MAIL_BYTES,
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        if (mails.length < MAX_MAILS)
          mails.push({ to, raw: Buffer.concat(chunks).toString("utf8") });
        done();
      });
    },
  });
  server.listen(port, "127.0.0.1");
  await once(server.server, "listening");
  return {
    mails,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
