import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { cp } from "node:fs/promises"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { isFault, utf8, type Verdict } from "@amc/core"
import { storeProviderKey, vaultPathOf } from "@amc/vault"
import { exitOf } from "@amc/verify"
import { beforeAll, expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { fsckFolder } from "./fsck.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { makeRun } from "./run.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import { copyOf, newPlace, type Place, reopened } from "./workspace.fixture.ts"

// The recorder's thread has the real clock, and keys count from the time that they were made at.
// oxlint-disable-next-line no-restricted-globals
const clock = (): number => Date.now()

/** A workspace with a run, and its vault as it was before a later generation. */
let base: Place
let olderVault: string

beforeAll(async () => {
  base = await newPlace(clock)
  await captured(base)
  olderVault = join(base.top, "older-vault")
  await cp(vaultPathOf(base.workspace.dir), olderVault)
  await withPassphrase(base.workspace, "monitor", (passphrase) =>
    storeProviderKey(vaultPathOf(base.workspace.dir), passphrase, "openai", {
      key: utf8("sk-1"),
      goesTo: "https://api.openai.com",
    }),
  )
  await captured(base)
  return () => rmSync(base.top, { recursive: true })
})

async function captured(place: Place): Promise<void> {
  const capture = await openCapture(reopened(place), { clock })
  try {
    await makeRun(capture, { agent: "a1", windowDays: 14 })
  } finally {
    await capture.close()
  }
}

interface Told {
  readonly exit: number
  readonly codes: ReadonlySet<string>
}

async function told(look: () => Promise<Verdict<unknown>>): Promise<Told> {
  try {
    const verdict = await look()
    const found = verdict.accepted ? [] : verdict.findings
    return { exit: exitOf(verdict), codes: new Set(found.map(({ code }) => code)) }
  } catch (error) {
    if (!isFault(error)) throw error
    return { exit: 3, codes: new Set([error.code]) }
  }
}

function verify({ folder, workspace: { state } }: Place): Promise<Told> {
  return told(() => verifyWorkspace(folder, state, { clock, progress: () => undefined }))
}

function fsck({ folder, workspace: { state } }: Place): Promise<Told> {
  const terms = { rebuilds: false, clock, progress: () => undefined }
  return told(async () => (await fsckFolder(folder, state, terms)).verdict)
}

interface Harm {
  readonly dir: string
  readonly database: string
  readonly seen: string
  readonly memory: string
  readonly sql: (text: string) => void
}

function harmed(harm: (terms: Harm) => void): Place {
  const place = copyOf(base)
  const { dir, state, workspace, rootSha256 } = place.workspace
  const database = join(dir, "ledger", "ledger.sqlite")
  const sql = (text: string): void => {
    const db = new DatabaseSync(database, { defensive: false })
    db.exec(text)
    db.close()
  }
  const memory = join(state.dir, "trust", `${rootSha256}.json`)
  harm({ dir, database, seen: state.seenPath(workspace), memory, sql })
  return place
}

const editable = "DROP TRIGGER evidence_events_no_update; DROP TRIGGER evidence_events_no_delete;"
const editRow = `${editable} UPDATE evidence_events SET agent = 'x' WHERE lseq = 2;`

/** The index no longer has these events, and its definition says nothing of it. */
function hideFromIndex({ sql }: Harm, type: string): void {
  sql(`CREATE TABLE kept AS SELECT sql AS was FROM sqlite_schema WHERE name = 'evidence_types';
    DROP INDEX evidence_types;
    CREATE INDEX evidence_types ON evidence_events (lane, type, lseq) WHERE type <> '${type}'`)
  sql(`PRAGMA writable_schema = ON;
    UPDATE sqlite_schema SET sql = (SELECT was FROM kept) WHERE name = 'evidence_types'`)
  sql("DROP TABLE kept")
}

/** A table without what keeps its rows in shape. */
function loosened(table: string, edit: string): string {
  return `${editable} CREATE TABLE loose AS SELECT * FROM ${table}; DROP TABLE ${table};
    ALTER TABLE loose RENAME TO ${table}; ${edit}`
}

const hashIndex = "CREATE UNIQUE INDEX evidence_hashes ON evidence_events (lane, lseq, leaf_hash);"

function emptied({ database }: Harm): void {
  for (const end of ["-wal", "-shm"]) rmSync(`${database}${end}`, { force: true })
  truncateSync(database)
}

test("a ledger that nobody touched is accepted by both", async () => {
  expect(await verify(base)).toEqual({ exit: 0, codes: new Set() })
  expect(await fsck(base)).toEqual({ exit: 0, codes: new Set() })
})

test.each<{ why: string; harm: (terms: Harm) => void; code: string }>([
  {
    why: "runs",
    harm: (terms) => {
      hideFromIndex(terms, "run_sealed")
      rmSync(join(terms.dir, "runs"), { recursive: true })
    },
    code: "run/missing",
  },
  {
    why: "the vault's generation",
    harm: (terms) => {
      hideFromIndex(terms, "vault_generation")
      writeFileSync(vaultPathOf(terms.dir), readFileSync(olderVault))
    },
    code: "vault/rolled-back",
  },
])("an index that hides events of $why hides nothing from verify (L5)", async ({ harm, code }) => {
  const place = harmed(harm)
  const { exit, codes } = await verify(place)
  expect(codes).toContain(code)
  expect(exit).toBe(4)
  expect(await fsck(place)).toEqual({ exit: 4, codes: new Set(["ledger/index-contradicted"]) })
})

const gone = ({ dir }: Harm): void => rmSync(join(dir, "ledger"), { recursive: true })

test.each<{ why: string; harm: (terms: Harm) => void }>([
  { why: "is an empty file", harm: emptied },
  { why: "says another version", harm: ({ sql }) => sql("PRAGMA user_version = 9") },
  { why: "is gone", harm: gone },
  {
    why: "is gone with what was seen of it, but for the pins",
    harm: (terms) => {
      gone(terms)
      rmSync(terms.seen)
    },
  },
  {
    why: "is gone with its pins",
    harm: (terms) => {
      gone(terms)
      rmSync(terms.memory)
    },
  },
  {
    why: "is an empty file, and only the pins know more",
    harm: (terms) => {
      emptied(terms)
      rmSync(terms.seen)
    },
  },
])(
  "a known ledger that $why is rolled back, and nothing is written in its place (L6)",
  async ({ harm }) => {
    const place = harmed(harm)
    for (const { exit, codes } of [await verify(place), await fsck(place)]) {
      expect(codes).toContain("ledger/rolled-back")
      expect(exit).toBe(4)
    }
    await expect(openCapture(reopened(place), { clock })).rejects.toMatchObject({
      code: "store/damaged",
      hint: expect.any(String),
    })
  },
)

test("a ledger that is shorter than its pins is not written on", async () => {
  const place = harmed(({ sql, seen }) => {
    sql(`${editable} DELETE FROM evidence_events WHERE lseq > 5`)
    rmSync(seen)
  })
  await expect(openCapture(reopened(place), { clock })).rejects.toMatchObject({
    code: "store/damaged",
  })
})

test.each<{ why: string; spoil: (terms: Harm) => void }>([
  { why: "what was seen", spoil: ({ seen }) => writeFileSync(seen, "{") },
  { why: "the memory of the trust", spoil: ({ memory }) => writeFileSync(memory, "{") },
  {
    why: "the remembered root",
    spoil: ({ memory }) => {
      const known = JSON.parse(readFileSync(memory, "utf8"))
      writeFileSync(memory, JSON.stringify({ ...known, roots: ["AAAA"] }))
    },
  },
])(
  "$why that can't be read does not hide an edited event, and is no tampering",
  async ({ spoil }) => {
    const spoilt = harmed(spoil)
    expect((await verify(spoilt)).exit).toBe(3)
    expect((await fsck(spoilt)).exit).toBe(3)
    const edited = harmed((terms) => {
      spoil(terms)
      terms.sql(editRow)
      terms.sql("DELETE FROM checkpoints")
      terms.sql("UPDATE evidence_events SET leaf = zeroblob(9) WHERE lseq = 3")
    })
    const verified = await verify(edited)
    expect(verified.codes).toContain("ledger/column-contradicted")
    expect(verified.codes).toContainEqual(expect.stringMatching(/^(input|root)\//u))
    expect(verified.exit).toBe(4)
    expect((await fsck(edited)).exit).toBe(4)
  },
)

test.each<{ why: string; harm: (terms: Harm) => void }>([
  { why: "an index is gone", harm: ({ sql }) => sql("DROP INDEX evidence_hashes") },
  { why: "the payloads' table is gone", harm: ({ sql }) => sql("DROP TABLE blobs") },
  {
    why: "the events' table is gone",
    harm: ({ sql }) => sql(`${editable} DROP TABLE evidence_events`),
  },
  { why: "the checkpoints' table is gone", harm: ({ sql }) => sql("DROP TABLE checkpoints") },
  {
    why: "payloads have no key and no bytes",
    harm: ({ sql }) => sql(loosened("blobs", "UPDATE blobs SET bytes = NULL")),
  },
  {
    why: "payloads are text",
    harm: ({ sql }) => sql(loosened("blobs", "UPDATE blobs SET bytes = 'text'")),
  },
  ...[
    "leaf = NULL",
    "leaf = 'text'",
    "leaf_hash = NULL",
    "lseq = 'x'",
    "lseq = 1e300",
    "lseq = 0.5",
  ].map((edit) => ({
    why: `an event's ${edit}`,
    harm: ({ sql }: Harm) =>
      sql(
        loosened(
          "evidence_events",
          `UPDATE evidence_events SET ${edit} WHERE lseq = 3; ${hashIndex}`,
        ),
      ),
  })),
  {
    why: "events have no lane",
    harm: ({ sql }) =>
      sql(loosened("evidence_events", `UPDATE evidence_events SET lane = x'00'; ${hashIndex}`)),
  },
  {
    why: "a checkpoint's note is NULL",
    harm: ({ sql }) => sql(loosened("checkpoints", "UPDATE checkpoints SET note = NULL")),
  },
  {
    why: "events are a view that fails",
    harm: ({ sql }) =>
      sql(`${editable} ALTER TABLE evidence_events RENAME TO hidden;
        CREATE VIEW evidence_events AS SELECT *, abs(-9223372036854775808) AS boom, lseq + abs(-9223372036854775808) AS x FROM hidden
        WHERE abs(-9223372036854775808) > 0`),
  },
  {
    why: "a page is overwritten",
    harm: ({ database, sql }) => {
      sql("PRAGMA wal_checkpoint(TRUNCATE)")
      const bytes = readFileSync(database)
      writeFileSync(database, bytes.fill(0xff, 4096, bytes.length))
    },
  },
  {
    why: "the file is no database",
    harm: (terms) => {
      emptied(terms)
      writeFileSync(terms.database, "x".repeat(9000))
    },
  },
])("tampering, and no crash: $why", async ({ harm }) => {
  const place = harmed(harm)
  expect((await verify(place)).exit).toBe(4)
  expect((await fsck(place)).exit).toBe(4)
})

test("what the fixture left is whole", () => {
  expect(readdirSync(join(base.workspace.dir, "runs"))).toHaveLength(2)
})
