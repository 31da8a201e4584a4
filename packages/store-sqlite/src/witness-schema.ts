/** The format of a witness's memory, in `user_version`. */
export const witnessSchemaVersion = 1

/** The triggers stop a mistake, not an attacker: a witness trusts its own disk. */
export const witnessSchema: string = `
CREATE TABLE latest (
  origin TEXT PRIMARY KEY,
  size INTEGER NOT NULL CHECK (size >= 0),
  note TEXT NOT NULL,
  time INTEGER NOT NULL CHECK (time >= 0)
) STRICT;
CREATE TRIGGER latest_only_grows BEFORE UPDATE ON latest
WHEN NEW.size < OLD.size OR NEW.time < OLD.time
BEGIN SELECT raise(ABORT, 'a witness goes on from what it cosigned'); END;
CREATE TRIGGER latest_no_delete BEFORE DELETE ON latest
BEGIN SELECT raise(ABORT, 'a witness forgets nothing'); END;
CREATE TABLE contradictions (
  id INTEGER PRIMARY KEY,
  origin TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('fork', 'inconsistent')),
  kept TEXT NOT NULL,
  sent TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  UNIQUE (origin, kind, kept, sent)
) STRICT;
`
