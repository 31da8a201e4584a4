import type Database from "better-sqlite3"
import { schema } from "./schema.ts"

const flawsMax = 8

/**
 * What is wrong with a database's indexes and tables as SQLite itself compares them, row by row. Whoever has the file
 * can leave events out of an index; what is looked up by it is then not found. Reads the whole database.
 */
export function indexFlaws(db: Database.Database): readonly string[] {
  const others = missingIndexes(db).map((name) => `the index ${name} is not as it was made`)
  const found = db.prepare<[], string>(`PRAGMA integrity_check(${flawsMax})`).pluck().all()
  const isWhole = found.length === 1 && found[0] === "ok"
  // Not in SQLite's words: names in them are whatever somebody called a table.
  return isWhole ? others : [...others, "the database's rows, constraints and indexes contradict"]
}

function missingIndexes(db: Database.Database): readonly string[] {
  const query = db.prepare<[string], string>(
    "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?",
  )
  return [...schema.matchAll(/^(CREATE (?:UNIQUE )?INDEX (\w+) .*);$/gmu)].flatMap(
    ([, made, name = ""]) => (query.pluck().get(name) === made ? [] : name),
  )
}
