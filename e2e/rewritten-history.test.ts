import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import {
  canonicalize,
  eventHash,
  fromHex,
  issueKeyCertificate,
  type JsonObject,
  parseCanonical,
  type Signer,
  signLeaf,
} from "@amc/core"
import { generatePrivateKey, openSlot, privateKeySigner, readPassphraseFile } from "@amc/vault"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { amcJson } from "./testing/amc.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/*
 * An attacker with root on the monitor's machine has the database, the trust folder and even the monitor's key,
 * and rewrites what happened. The state folder of whoever verifies is not the attacker's.
 */
vi.setConfig({ testTimeout: 120_000 })

let own: TestWorkspace
let first: string
let second: string
/** Copies of `.amc` after the first and after the second run. */
let yesterday: string
let today: string

const agent = ["--", "node", "-e", 'console.log("x".repeat(300000))']
const score = ["score", "--provider", "scripted", "--sessions", "1"]

beforeAll(async () => {
  own = await makeWorkspace()
  ;[yesterday, today] = [join(own.top, "yesterday"), join(own.top, "today")]
  const runs: string[] = []
  for (const copy of [yesterday, today]) {
    const scored = await amcJson(own, [...score, ...agent])
    expect(scored).toMatchObject({ exit: 0 })
    runs.push(scored.data.report.run_id as string)
    cpSync(own.dir, copy, { recursive: true })
  }
  ;[first, second] = runs as [string, string]
}, 240_000)

afterAll(() => own?.close())

interface Attack {
  readonly why: string
  readonly change: () => void | Promise<void>
  /** What `amc verify` finds, among other things. */
  readonly code: string
}

const file = (...parts: string[]): string => join(own.dir, ...parts)

function sql<T>(use: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(file("ledger", "ledger.sqlite"))
  try {
    // Whoever owns the file takes its triggers away.
    const triggers = db.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all()
    for (const { name } of triggers) db.exec(`DROP TRIGGER "${String(name)}"`)
    return use(db)
  } finally {
    db.close()
  }
}

interface Row {
  readonly lseq: number
  readonly agent: string
  readonly leaf: Uint8Array
}

function rows(db: DatabaseSync): readonly Row[] {
  return db.prepare("SELECT lseq, agent, leaf FROM evidence_events ORDER BY lseq").all() as never
}

/** Signs all events from one on again with this key, and links them to each other. */
function signAgain(signer: Signer, from: number, change: (body: JsonObject) => JsonObject): void {
  sql((db) => {
    const heads = new Map<string, string>()
    let last = ""
    for (const { lseq, agent: of, leaf } of rows(db)) {
      let bytes = leaf
      if (lseq >= from) {
        const body = parseCanonical(leaf) as JsonObject
        const links = lseq === 0 ? {} : { lprev: last, aprev: heads.get(of) ?? body["aprev"] }
        const forged = { ...change(body), ...links, kid: signer.key.kid } as JsonObject
        const signed = signLeaf(canonicalize(forged), signer)
        bytes = signed.leaf
        db.prepare(
          "UPDATE evidence_events SET leaf = ?, signature = ?, leaf_hash = ? WHERE lseq = ?",
        ).run(bytes, signed.signature, fromHex(eventHash(bytes)), lseq)
      }
      last = eventHash(bytes)
      heads.set(of, last)
    }
  })
}

/** The monitor's own key, out of the vault: the worst that can be stolen. */
async function monitorKey(): Promise<Signer> {
  const state = join(own.top, "state", "amc", "workspaces", own.workspace)
  const passphrase = readPassphraseFile(join(state, "passphrase.monitor"))
  const secrets = await openSlot(file("vault.amcvault"), "monitor", passphrase)
  return privateKeySigner(secrets.get("key/monitor") as Uint8Array)
}

function firstOfType(type: string): number {
  const found = sql((db) =>
    db.prepare("SELECT min(lseq) AS lseq FROM evidence_events WHERE type = ?").get(type),
  )
  return Number(found?.["lseq"])
}

const passed = (body: JsonObject): JsonObject =>
  body["type"] !== "agent_process_exited"
    ? body
    : (JSON.parse(
        JSON.stringify(body).replace(/"duration_ms":\d+/, '"duration_ms":1'),
      ) as JsonObject)

const attacks: readonly Attack[] = [
  {
    why: "the ledger is emptied",
    change: () => sql((db) => db.exec("DELETE FROM evidence_events; DELETE FROM checkpoints")),
    code: "ledger/rolled-back",
  },
  {
    why: "L03 the last session is dropped from the end",
    change: () => {
      const last = "SELECT max(lseq) FROM evidence_events WHERE type = 'session_open'"
      sql((db) => db.exec(`DELETE FROM evidence_events WHERE lseq >= (${last})`))
    },
    code: "ledger/truncated",
  },
  {
    why: "L10 yesterday's database is put back",
    change: () => {
      rmSync(file("ledger"), { recursive: true })
      cpSync(join(yesterday, "ledger"), file("ledger"), { recursive: true })
    },
    code: "ledger/rolled-back",
  },
  {
    why: "L10 yesterday's whole workspace is put back",
    change: () => {
      rmSync(own.dir, { recursive: true })
      cpSync(yesterday, own.dir, { recursive: true })
    },
    code: "ledger/rolled-back",
  },
  {
    why: "S14 an attacker's key is put among the certificates and all events are signed by it",
    change: () => {
      const [key, root] = [generatePrivateKey(), generatePrivateKey()].map(privateKeySigner) as [
        Signer,
        Signer,
      ]
      const window = { valid_from_index: 0, valid_to_index: null }
      const times = { valid_from_ms: 0, valid_to_ms: null }
      const terms = { workspace: own.workspace, role: "monitor" as const, lanes: ["main"] }
      const certificate = issueKeyCertificate(key.key, { ...terms, ...window, ...times }, [root])
      writeFileSync(file("trust", "keys", `${key.key.kid}.json`), certificate)
      signAgain(key, 0, passed)
    },
    code: "ledger/unknown-key",
  },
  {
    why: "L09 history is signed again with the stolen monitor's key",
    change: async () => signAgain(await monitorKey(), firstOfType("agent_process_exited"), passed),
    code: "ledger/tree-contradicted",
  },
  {
    why: "L09 and the checkpoints that contradict it are deleted",
    change: async () => {
      signAgain(await monitorKey(), firstOfType("agent_process_exited"), passed)
      sql((db) => db.exec("DELETE FROM checkpoints"))
    },
    code: "ledger/tree-contradicted",
  },
  {
    why: "L01 one event says something else",
    change: () => {
      sql((db) => {
        const [row] = rows(db).slice(20)
        const said = Buffer.from(row!.leaf).toString("latin1")
        const leaf = Buffer.from(
          said.replace(/"ts":(\d+)/, (_, ts: string) => `"ts":${Number(ts) + 1}`),
          "latin1",
        )
        db.prepare("UPDATE evidence_events SET leaf = ? WHERE lseq = ?").run(leaf, row!.lseq)
      })
    },
    code: "ledger/signature-invalid",
  },
  {
    why: "L02 one event in the middle is deleted",
    change: () => sql((db) => db.exec("DELETE FROM evidence_events WHERE lseq = 20")),
    code: "ledger/lane-broken",
  },
  {
    why: "L04 two events change places",
    change: () =>
      sql((db) =>
        db.exec(`UPDATE evidence_events SET lseq = 100000 WHERE lseq = 20;
          UPDATE evidence_events SET lseq = 20 WHERE lseq = 21;
          UPDATE evidence_events SET lseq = 21 WHERE lseq = 100000`),
      ),
    code: "ledger/lane-broken",
  },
  {
    why: "L26 a column says otherwise than its signed event",
    change: () =>
      sql((db) => db.exec("UPDATE evidence_events SET agent = 'other' WHERE lseq = 20")),
    code: "ledger/column-contradicted",
  },
  {
    why: "L28 two payloads are swapped",
    change: () =>
      sql((db) =>
        db.exec(`CREATE TABLE kept AS SELECT * FROM blobs ORDER BY sha256 LIMIT 2; UPDATE blobs SET bytes =
          (SELECT bytes FROM kept WHERE kept.sha256 <> blobs.sha256) WHERE sha256 IN (SELECT sha256 FROM kept);
          DROP TABLE kept`),
      ),
    code: "ledger/blob-contradicted",
  },
  {
    why: "L28 a payload is cut short",
    change: () =>
      sql((db) => db.exec("UPDATE blobs SET bytes = substr(bytes, 1, length(bytes) - 1)")),
    code: "ledger/blob-contradicted",
  },
  {
    why: "L28 the payloads are gone",
    change: () => {
      sql((db) => db.exec("DELETE FROM blobs"))
      rmSync(file("ledger", "blobs"), { recursive: true, force: true })
      mkdirSync(file("ledger", "blobs"))
    },
    code: "ledger/blob-missing",
  },
  {
    why: "a run is deleted",
    change: () => rmSync(file("runs", second), { recursive: true }),
    code: "run/missing",
  },
  {
    why: "a run is put in another's place",
    change: () => {
      rmSync(file("runs", second), { recursive: true })
      cpSync(file("runs", first), file("runs", second), { recursive: true })
    },
    code: "run/another-run",
  },
  {
    why: "a report is edited",
    change: () => {
      const path = file("runs", first, "report.json")
      writeFileSync(
        path,
        readFileSync(path, "utf8").replace('"status":"VALID"', '"status":"INVALID"'),
      )
    },
    code: "run/report-contradicted",
  },
]

test.each(attacks)(
  "amc verify ends with 4 and says what happened when $why",
  async ({ change, code }) => {
    rmSync(own.dir, { recursive: true, force: true })
    cpSync(today, own.dir, { recursive: true })
    expect(readdirSync(file("runs")).length).toBeGreaterThan(1)
    await change()
    const verified = await amcJson(own, ["verify"])
    expect(verified.findings.map((finding) => finding.code)).toContain(code)
    expect(verified.exit).toBe(4)
  },
)

test("what nobody touched is accepted", async () => {
  rmSync(own.dir, { recursive: true, force: true })
  cpSync(today, own.dir, { recursive: true })
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
})
