-- The first schema. Never change a migration that was released: add the next one. Explanations: ../schema.sql

CREATE TABLE conversations (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  conversation_key TEXT NOT NULL,
  room_id TEXT UNIQUE,
  local_address TEXT NOT NULL,
  created_at TIME NOT NULL,
  details BYTES NOT NULL
) CLUSTERED;
CREATE INDEX conversations_of_account ON conversations (account, id);

CREATE TABLE lanes (
  lane TEXT NOT NULL PRIMARY KEY,
  next_at TIME,
  owner TEXT,
  fence NUMBER NOT NULL DEFAULT 0,
  lease_until TIME
) CLUSTERED;
CREATE INDEX lanes_due ON lanes (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE messages (
  seq SERIAL,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  source_id TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('legacy', 'matrix')),
  destination TEXT NOT NULL CHECK (destination IN ('legacy', 'matrix')),
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  lane TEXT NOT NULL,
  origin_lane TEXT NOT NULL,
  digest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('pending', 'sending', 'delivered', 'failed', 'unknown', 'held', 'rejected')
  ),
  code TEXT,
  detail BYTES,
  on_unknown TEXT NOT NULL CHECK (on_unknown IN ('wait', 'continue')),
  attempts NUMBER NOT NULL DEFAULT 0,
  first_attempt_at TIME,
  next_at TIME,
  generation NUMBER NOT NULL DEFAULT 0,
  remote_id TEXT,
  accepted_at TIME NOT NULL,
  settled_at TIME,
  body BYTES NOT NULL,
  UNIQUE (account, source_id)
) STRICT;
CREATE INDEX messages_in_line ON messages (lane, seq) WHERE state IN ('pending', 'sending', 'unknown');
CREATE INDEX messages_open ON messages (state, account, origin, seq) WHERE state <> 'delivered';
CREATE INDEX messages_of_account ON messages (account, seq);
CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_by_remote ON messages (remote_id) WHERE remote_id IS NOT NULL;

CREATE TABLE tallies (
  account TEXT NOT NULL,
  origin TEXT NOT NULL,
  state TEXT NOT NULL,
  shard NUMBER NOT NULL,
  amount NUMBER NOT NULL,
  PRIMARY KEY (account, origin, state, shard)
) CLUSTERED;

CREATE TABLE attempts (
  message_id TEXT NOT NULL REFERENCES messages (id),
  n NUMBER NOT NULL,
  started_at TIME NOT NULL,
  ended_at TIME,
  outcome TEXT,
  code TEXT,
  detail BYTES,
  PRIMARY KEY (message_id, n)
) CLUSTERED;

CREATE TABLE remote_parts (
  message_id TEXT NOT NULL REFERENCES messages (id),
  n NUMBER NOT NULL,
  account TEXT NOT NULL,
  part TEXT NOT NULL,
  PRIMARY KEY (message_id, n),
  UNIQUE (part, account)
) CLUSTERED;

CREATE TABLE receipts (
  id SERIAL,
  message_id TEXT NOT NULL REFERENCES messages (id),
  kind TEXT NOT NULL,
  rank NUMBER NOT NULL,
  at TIME NOT NULL,
  evidence_digest TEXT,
  evidence_size NUMBER,
  detail BYTES,
  notice BYTES,
  lane TEXT NOT NULL,
  notice_state TEXT NOT NULL CHECK (
    notice_state IN ('due', 'told', 'superseded', 'not-wanted', 'gave-up')
  ),
  notice_attempts NUMBER NOT NULL DEFAULT 0,
  next_at TIME NOT NULL,
  notice_detail BYTES,
  recorded_at TIME NOT NULL,
  UNIQUE (message_id, kind)
) STRICT;
CREATE INDEX receipts_due ON receipts (lane, id) WHERE notice_state = 'due';

CREATE TABLE events (
  seq SERIAL,
  event_id TEXT NOT NULL UNIQUE,
  room_id TEXT NOT NULL,
  lane TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('new', 'done', 'ignored', 'quarantined')),
  attempts NUMBER NOT NULL DEFAULT 0,
  next_at TIME NOT NULL,
  recorded_at TIME NOT NULL,
  pushed_at TIME,
  swept_at TIME,
  settled_at TIME,
  message_id TEXT,
  detail BYTES,
  raw BYTES
) STRICT;
CREATE INDEX events_in_line ON events (lane, seq) WHERE state = 'new';
CREATE INDEX events_swept_only ON events (recorded_at)
  WHERE swept_at IS NOT NULL AND pushed_at IS NULL;

CREATE TABLE quarantine (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('legacy', 'matrix')),
  source_id TEXT NOT NULL,
  identity TEXT NOT NULL,
  code TEXT NOT NULL,
  detail BYTES NOT NULL,
  original_digest TEXT,
  original_size NUMBER,
  message_id TEXT REFERENCES messages (id),
  state TEXT NOT NULL CHECK (state IN ('open', 'released', 'rejected')),
  created_at TIME NOT NULL,
  closed_at TIME,
  closed_by TEXT,
  UNIQUE (account, identity)
) STRICT;
CREATE INDEX quarantine_open ON quarantine (created_at) WHERE state = 'open';
CREATE INDEX quarantine_of_message ON quarantine (message_id) WHERE message_id IS NOT NULL;

CREATE TABLE audit (
  seq NUMBER NOT NULL PRIMARY KEY,
  at TIME NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT,
  hash TEXT NOT NULL
) STRICT;
CREATE INDEX audit_of_subject ON audit (subject, seq);

CREATE TABLE links (
  account TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  user_id TEXT NOT NULL,
  provenance TEXT NOT NULL CHECK (provenance IN ('config', 'import', 'admin')),
  added_by TEXT NOT NULL,
  added_at TIME NOT NULL,
  PRIMARY KEY (account, mailbox, user_id)
) CLUSTERED;
CREATE INDEX links_of_user ON links (account, user_id);

CREATE TABLE facts (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  value BYTES NOT NULL,
  PRIMARY KEY (scope, name)
) CLUSTERED;
