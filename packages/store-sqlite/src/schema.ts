/** The database's format, in `user_version`. */
export const schemaVersion = 3

/**
 * Of a lane's events most are of these types. Who wants all of one of them reads the lane: an index would be longer to
 * write with every event than it saves.
 */
export const commonTypes: ReadonlySet<string> = new Set([
  "agent_stdout",
  "agent_stderr",
  "llm_request",
  "llm_response",
  "network_connect",
  "network_traffic",
])

/** What a query must say as well for {@link schema}'s index of types to be of use to it. */
export const isUncommon: string = `type NOT IN (${[...commonTypes].map((type) => `'${type}'`).join(", ")})`

/**
 * Heads are not stored: they are the last rows, and what isn't stored twice can't disagree. The index
 * `evidence_hashes` lets a tree be rebuilt, and an event be found, without reading the leaves. That each place is
 * taken once is seen to by the append, which compares the head and holds the only lock meanwhile, and so is
 * that no id comes twice, as they ascend.
 */
export const schema: string = `
CREATE TABLE evidence_events (
  lane TEXT NOT NULL,
  lseq INTEGER NOT NULL CHECK (lseq >= 0),
  leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
  agent TEXT NOT NULL,
  aseq INTEGER NOT NULL CHECK (aseq >= 0),
  session TEXT,
  type TEXT NOT NULL,
  ts INTEGER NOT NULL,
  id TEXT NOT NULL,
  leaf BLOB NOT NULL,
  signature TEXT NOT NULL,
  UNIQUE (lane, agent, aseq)
) STRICT;
CREATE UNIQUE INDEX evidence_hashes ON evidence_events (lane, lseq, leaf_hash);
CREATE INDEX evidence_sessions ON evidence_events (lane, session, lseq) WHERE session IS NOT NULL;
CREATE INDEX evidence_types ON evidence_events (lane, type, lseq) WHERE ${isUncommon};
CREATE TRIGGER evidence_events_no_update BEFORE UPDATE ON evidence_events
BEGIN SELECT raise(ABORT, 'evidence_events is append-only'); END;
CREATE TRIGGER evidence_events_no_delete BEFORE DELETE ON evidence_events
BEGIN SELECT raise(ABORT, 'evidence_events is append-only'); END;
CREATE TABLE blobs (
  sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
  bytes BLOB NOT NULL
) STRICT;
CREATE TABLE checkpoints (
  id INTEGER PRIMARY KEY,
  size INTEGER NOT NULL CHECK (size >= 0),
  note TEXT NOT NULL,
  UNIQUE (size, note)
) STRICT;
`
