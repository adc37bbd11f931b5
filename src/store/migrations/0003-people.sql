-- Who is who: links with a time and a role, their history, who stands in for whom, proofs of possession.

ALTER TABLE links RENAME TO links_before;
CREATE TABLE links (
  account TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  user_id TEXT NOT NULL,
  provenance TEXT NOT NULL CHECK (provenance IN ('config', 'import', 'admin', 'claim')),
  added_by TEXT NOT NULL,
  added_at TIME NOT NULL,
  valid_from TIME,
  valid_until TIME,
  role TEXT,
  PRIMARY KEY (account, mailbox, user_id)
) CLUSTERED;
INSERT INTO links (account, mailbox, user_id, provenance, added_by, added_at)
  SELECT account, mailbox, user_id, provenance, added_by, added_at FROM links_before;
DROP TABLE links_before;
CREATE INDEX links_of_user ON links (account, user_id);

CREATE TABLE link_history (
  seq SERIAL,
  account TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  user_id TEXT NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('added', 'changed', 'removed')),
  provenance TEXT NOT NULL,
  changed_by TEXT NOT NULL,
  changed_at TIME NOT NULL,
  valid_from TIME,
  valid_until TIME,
  role TEXT
) STRICT;
CREATE INDEX link_history_of_mailbox ON link_history (account, mailbox, seq);
INSERT INTO link_history (account, mailbox, user_id, change, provenance, changed_by, changed_at)
  SELECT account, mailbox, user_id, 'added', provenance, added_by, added_at FROM links
  ORDER BY added_at, account, mailbox, user_id;

CREATE TABLE substitutions (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  absent TEXT NOT NULL,
  deputy TEXT NOT NULL,
  valid_from TIME NOT NULL,
  valid_until TIME NOT NULL,
  added_by TEXT NOT NULL,
  added_at TIME NOT NULL,
  ended_by TEXT
) CLUSTERED;
CREATE INDEX substitutions_of_account ON substitutions (account, valid_until);

CREATE TABLE claims (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  user_id TEXT NOT NULL,
  code_mac TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'used', 'superseded', 'blocked')),
  tries NUMBER NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at TIME NOT NULL,
  expires_at TIME NOT NULL
) CLUSTERED;
CREATE INDEX claims_of_mailbox ON claims (account, mailbox, requested_at);
CREATE INDEX claims_of_user ON claims (user_id, requested_at);
