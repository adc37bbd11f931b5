-- Phases and cohorts: which rule decided a letter, the plans that were in force, what was only counted.

ALTER TABLE messages ADD COLUMN phase TEXT;
ALTER TABLE messages ADD COLUMN rule TEXT;
ALTER TABLE messages ADD COLUMN copy_of TEXT;
CREATE INDEX messages_copies ON messages (copy_of) WHERE copy_of IS NOT NULL;

CREATE TABLE plans (
  seq NUMBER NOT NULL PRIMARY KEY,
  plan_id TEXT NOT NULL,
  file_id TEXT NOT NULL,
  way TEXT NOT NULL CHECK (way IN ('start', 'apply', 'rollback')),
  applied_by TEXT NOT NULL,
  applied_at TIME NOT NULL,
  keep_since TIME NOT NULL,
  document BYTES NOT NULL
) STRICT;

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
