import type { MailServer } from "../../src/guard/mail-send.ts";
import type { InletSettings } from "./settings.ts";

/** The configured mail server in the words of the mail guard. */
export function mailServerOf(mail: NonNullable<InletSettings["mail"]>): MailServer {
  const { server, tls, user, password, ca } = mail;
  return {
    ...server,
    tls,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password: password.reveal() }),
    ...(ca === undefined ? {} : { ca: ca.text }),
  };
}
