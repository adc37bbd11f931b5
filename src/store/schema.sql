-- The whole schema as it is after all migrations: read this, the gateway runs migrations/*.sql. A test compares the two.
--
-- The same text serves SQLite and PostgreSQL; seven words stand for what differs (COLUMN_TYPES in sql/database.ts):
--   TEXT    text, compared byte by byte          NUMBER  whole number, 64 bit
--   TIME    milliseconds since 1970 UTC          BYTES   bytes, always sealed (AES-256-GCM, sealer.ts)
--   SERIAL  primary key that only ever grows     STRICT  SQLite checks types, too
--   CLUSTERED  STRICT, and SQLite keeps the rows in the tree of the primary key: one page less to write
--
-- Rule for what is readable: ids, states, times and codes. Everything a human wrote, and every free text, is BYTES.

-- Which migrations ran, with the digest of what ran: an older gateway refuses a newer database.
CREATE TABLE schema_version (
  version NUMBER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  applied_at TIME NOT NULL
) STRICT;

-- A case or thread: one ordering lane per direction, at most one Matrix room, and a room belongs to one conversation.
CREATE TABLE conversations (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  conversation_key TEXT NOT NULL,
  room_id TEXT UNIQUE,
  -- Our side's mailbox or authority id, so that letters held for a mailbox are found when it gets a reader.
  local_address TEXT NOT NULL,
  created_at TIME NOT NULL,
  -- Parties, subject, case, level, reply policy.
  details BYTES NOT NULL
) CLUSTERED;
CREATE INDEX conversations_of_account ON conversations (account, id);

-- Where the order of work is kept: who works on a lane, and when it has work next (NULL: nothing to do).
-- `fence` grows with every lease; a write that names an older one is refused.
CREATE TABLE lanes (
  lane TEXT NOT NULL PRIMARY KEY,
  next_at TIME,
  owner TEXT,
  fence NUMBER NOT NULL DEFAULT 0,
  lease_until TIME
) CLUSTERED;
CREATE INDEX lanes_due ON lanes (next_at) WHERE next_at IS NOT NULL;

-- Letters. `seq` follows the order of commits within a lane: a lane is locked before its next number is drawn.
CREATE TABLE messages (
  seq SERIAL,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  source_id TEXT NOT NULL,
  origin TEXT NOT NULL CHECK (origin IN ('legacy', 'matrix')),
  destination TEXT NOT NULL CHECK (destination IN ('legacy', 'matrix')),
  conversation_id TEXT NOT NULL REFERENCES conversations (id),
  -- The lane in which it is delivered, and the lane in which its origin is told.
  lane TEXT NOT NULL,
  origin_lane TEXT NOT NULL,
  -- Tells a letter that came twice from another letter under the same id.
  digest TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('pending', 'sending', 'delivered', 'failed', 'unknown', 'held', 'rejected')
  ),
  code TEXT,
  detail BYTES,
  on_unknown TEXT NOT NULL CHECK (on_unknown IN ('wait', 'continue')),
  -- Since the letter was accepted or an operator sent it again.
  attempts NUMBER NOT NULL DEFAULT 0,
  first_attempt_at TIME,
  -- pending: not before this. unknown: ask the other side then (NULL: only an operator can tell).
  next_at TIME,
  -- deliveryId = id.generation; a resend "as new" takes the next one.
  generation NUMBER NOT NULL DEFAULT 0,
  remote_id TEXT,
  accepted_at TIME NOT NULL,
  -- delivered, failed or rejected since.
  settled_at TIME,
  body BYTES NOT NULL,
  -- Where its account or cohort stood when it was accepted, and the rule that said so. NULL: nothing to decide.
  phase TEXT,
  rule TEXT,
  -- The letter whose copy for the other side this is.
  copy_of TEXT,
  UNIQUE (account, source_id)
) STRICT;
-- The line in which letters of a lane stand. Small, however many letters were delivered.
CREATE INDEX messages_in_line ON messages (lane, seq) WHERE state IN ('pending', 'sending', 'unknown');
CREATE INDEX messages_open ON messages (state, account, origin, seq) WHERE state <> 'delivered';
CREATE INDEX messages_of_account ON messages (account, seq);
CREATE INDEX messages_of_conversation ON messages (conversation_id, seq);
CREATE INDEX messages_by_remote ON messages (remote_id) WHERE remote_id IS NOT NULL;
CREATE INDEX messages_copies ON messages (copy_of) WHERE copy_of IS NOT NULL;

-- How many letters are in which state, kept up by the transaction that changes them: counting millions would hold up the
-- process. Spread over shards, so that lanes do not wait for each other's count; only the sum over all shards says something.
CREATE TABLE tallies (
  account TEXT NOT NULL,
  origin TEXT NOT NULL,
  state TEXT NOT NULL,
  shard NUMBER NOT NULL,
  amount NUMBER NOT NULL,
  PRIMARY KEY (account, origin, state, shard)
) CLUSTERED;

-- Every try, `n` counts through the whole life of the letter. No end: it runs, or a crash cut it.
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

-- What the pieces of a delivered letter are called on the other side (Matrix: event ids), in order.
CREATE TABLE remote_parts (
  message_id TEXT NOT NULL REFERENCES messages (id),
  n NUMBER NOT NULL,
  account TEXT NOT NULL,
  part TEXT NOT NULL,
  PRIMARY KEY (message_id, n),
  UNIQUE (part, account)
) CLUSTERED;

-- Stages a letter reached, one row per kind, and whether its origin was told.
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
  -- The lane in which the origin is told.
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

-- Matrix events as they came in. `raw` is emptied once the event was taken in: then the letter holds the content.
CREATE TABLE events (
  seq SERIAL,
  event_id TEXT NOT NULL UNIQUE,
  room_id TEXT NOT NULL,
  lane TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('new', 'done', 'ignored', 'quarantined')),
  attempts NUMBER NOT NULL DEFAULT 0,
  next_at TIME NOT NULL,
  recorded_at TIME NOT NULL,
  -- By which way it came, and when first by that way.
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

-- What waits for a human: letters that are held (message_id), and input that never became a letter.
CREATE TABLE quarantine (
  id TEXT NOT NULL PRIMARY KEY,
  account TEXT NOT NULL,
  side TEXT NOT NULL CHECK (side IN ('legacy', 'matrix')),
  source_id TEXT NOT NULL,
  -- What makes it the same case again: the input, a conflict's content, or one holding of a letter.
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

-- What operators did. `hash` = SHA-256 over the previous hash and this entry; the newest one is also kept, sealed, in
-- facts, so that entries cut off at the end are missed, too.
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

-- Which mailbox of an account which Matrix user reads.
CREATE TABLE links (
  account TEXT NOT NULL,
  mailbox TEXT NOT NULL,
  user_id TEXT NOT NULL,
  provenance TEXT NOT NULL CHECK (provenance IN ('config', 'import', 'admin', 'claim')),
  added_by TEXT NOT NULL,
  added_at TIME NOT NULL,
  -- Reads from then (NULL: always) until before then (NULL: without end).
  valid_from TIME,
  valid_until TIME,
  -- In which capacity, for people.
  role TEXT,
  PRIMARY KEY (account, mailbox, user_id)
) CLUSTERED;
CREATE INDEX links_of_user ON links (account, user_id);

-- Everything that ever happened to links; nothing is taken out.
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

-- Who stands in for whom within an account, and until when. An end that was brought forward names who did it.
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

-- One-time codes sent through the old mailbox; only the HMAC of a code is kept. `tries`: how often one was given.
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

-- Small facts: cursors, a bridge's records, the derivation key, the head of the audit chain.
CREATE TABLE facts (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  value BYTES NOT NULL,
  PRIMARY KEY (scope, name)
) CLUSTERED;

-- Plans that were in force, the newest is: accounts, phases, cohorts (src/transition/plan.ts), sealed: they name people.
CREATE TABLE plans (
  seq NUMBER NOT NULL PRIMARY KEY,
  -- Digest of the document, and of the plan that stood in the configuration file at that time.
  plan_id TEXT NOT NULL,
  file_id TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('start', 'apply', 'rollback')),
  applied_by TEXT NOT NULL,
  applied_at TIME NOT NULL,
  -- Letters accepted before this do not bind their conversation.
  keep_since TIME NOT NULL,
  document BYTES NOT NULL
) STRICT;

-- Letters that the old mailbox holds and that were only counted (phase observe): evidence, no content.
CREATE TABLE sightings (
  account TEXT NOT NULL,
  source_id TEXT NOT NULL,
  digest TEXT NOT NULL,
  rule TEXT NOT NULL,
  seen_at TIME NOT NULL,
  last_seen_at TIME NOT NULL,
  PRIMARY KEY (account, source_id)
) CLUSTERED;
CREATE INDEX sightings_by_time ON sightings (account, seen_at, source_id);
