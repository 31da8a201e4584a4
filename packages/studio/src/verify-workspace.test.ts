import { execFileSync } from "node:child_process"
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { setImmediate } from "node:timers/promises"
import { utf8, type Verdict } from "@amc/core"
import { storeProviderKey, vaultPathOf, vaultState } from "@amc/vault"
import { exitOf } from "@amc/verify"
import { beforeAll, expect, test } from "vitest"
import { openCapture } from "./capture.ts"
import { withPassphrase } from "./passphrase-source.ts"
import { makeRun } from "./run.ts"
import { loadRun, openStoredRun } from "./run-store.ts"
import { addProvider } from "./provider.ts"
import { exampleProvider } from "./session-terms.fixture.ts"
import { verifyStoredRun } from "./verify-run.ts"
import { verifyWorkspace, type WorkspaceSummary } from "./verify-workspace.ts"
import { copyOf, newPlace, type Place, reopened } from "./workspace.fixture.ts"

// The recorder's thread has the real clock, and keys count from the time that they were made at.
// oxlint-disable-next-line no-restricted-globals
const clock = (): number => Date.now()
const unknownRun = "run-00000000-0000-0000-0000-000000000000"

/** A workspace with two runs, and what it was after the first. */
let base: Place
let earlier: string
let runs: readonly [string, string]

beforeAll(async () => {
  base = await newPlace(clock)
  const first = await run(base)
  earlier = join(base.top, "earlier")
  cpSync(base.workspace.dir, earlier, { recursive: true })
  await withPassphrase(base.workspace, "monitor", (passphrase) =>
    storeProviderKey(vaultPathOf(base.workspace.dir), passphrase, "openai", {
      key: utf8("sk-1"),
      goesTo: "https://api.openai.com",
    }),
  )
  runs = [first, await run(base)]
  return () => rmSync(base.top, { recursive: true })
})

async function run(place: Place): Promise<string> {
  const capture = await openCapture(reopened(place), { clock })
  try {
    return (await makeRun(capture, { agent: "a1", windowDays: 14 })).stored.runId
  } finally {
    await capture.close()
  }
}

function verify({ folder, workspace: { state } }: Place): Promise<Verdict<WorkspaceSummary>> {
  return verifyWorkspace(folder, state, { clock, progress: () => undefined })
}

function codesOf(verdict: Verdict<unknown>): string[] {
  return verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
}

interface Harm {
  readonly dir: string
  readonly first: string
  readonly second: string
  readonly sql: (text: string) => void
}

function harmed(harm: (terms: Harm) => void): Place {
  const place = copyOf(base)
  const { dir } = place.workspace
  const sql = (text: string): void => {
    const db = new DatabaseSync(join(dir, "ledger", "ledger.sqlite"))
    for (const what of ["update", "delete"]) db.exec(`DROP TRIGGER evidence_events_no_${what}`)
    db.exec(text)
    db.close()
  }
  const [first, second] = runs.map((id) => join(dir, "runs", id)) as [string, string]
  harm({ dir, first, second, sql })
  return place
}

function edit(path: string, change: (text: string) => string): void {
  const before = readFileSync(path, "utf8")
  const after = change(before)
  expect(after).not.toBe(before)
  writeFileSync(path, after)
}

test("a workspace that nobody touched is accepted", async () => {
  expect(await verify(base)).toMatchObject({ accepted: true, value: { runs: 2, configs: 2 } })
})

function replaceByPipe(path: string): void {
  rmSync(path)
  execFileSync("mkfifo", [path])
}

const edited = (sql: Harm["sql"]): void =>
  sql("UPDATE evidence_events SET agent = 'x' WHERE lseq = 2")

test.each<{ why: string; harm: (terms: Harm) => void; code: string; exit: number }>([
  {
    why: "a run's files are another run's",
    harm: ({ first, second }) => {
      rmSync(second, { recursive: true })
      cpSync(first, second, { recursive: true })
    },
    code: "run/another-run",
    exit: 4,
  },
  {
    why: "the ledger names another seal of a run",
    harm: ({ first, second }) =>
      cpSync(join(first, "seal.dsse.json"), join(second, "seal.dsse.json")),
    code: "run/seal-contradicted",
    exit: 4,
  },
  {
    why: "a sealed run is gone",
    harm: ({ second }) => rmSync(second, { recursive: true }),
    code: "run/missing",
    exit: 4,
  },
  {
    why: "a sealed run has lost a file",
    harm: ({ second }) => rmSync(join(second, "report.json")),
    code: "run/missing",
    exit: 4,
  },
  {
    why: "a sealed run was emptied",
    harm: ({ second }) => {
      rmSync(second, { recursive: true })
      mkdirSync(second)
    },
    code: "run/missing",
    exit: 4,
  },
  {
    why: "all runs made way for a file",
    harm: ({ dir }) => {
      rmSync(join(dir, "runs"), { recursive: true })
      writeFileSync(join(dir, "runs"), "")
    },
    code: "run/missing",
    exit: 4,
  },
  {
    why: "a file of a run is a pipe",
    harm: ({ second }) => replaceByPipe(join(second, "report.json")),
    code: "store/damaged",
    exit: 4,
  },
  {
    why: "the list of revoked keys is a pipe",
    harm: ({ dir }) => replaceByPipe(join(dir, "trust/revocations.json")),
    code: "trust/not-a-file",
    exit: 4,
  },
  {
    why: "a run that was never sealed is empty",
    harm: ({ dir }) => mkdirSync(join(dir, "runs", unknownRun)),
    code: "run/unknown",
    exit: 1,
  },
  {
    why: "an edited event stands beside a run that can't be read",
    harm: ({ second, sql }) => {
      edited(sql)
      rmSync(join(second, "seal.dsse.json"))
    },
    code: "ledger/column-contradicted",
    exit: 4,
  },
  {
    why: "an edited event stands beside an empty run",
    harm: ({ dir, sql }) => {
      edited(sql)
      mkdirSync(join(dir, "runs", unknownRun))
    },
    code: "ledger/column-contradicted",
    exit: 4,
  },
  {
    why: "a run's checkpoint has another size",
    harm: ({ second }) =>
      edit(join(second, "checkpoint"), (text) => text.replace(/\n\d+\n/, "\n3\n")),
    code: "run/checkpoint",
    exit: 4,
  },
  {
    why: "a run's opening can't be read",
    harm: ({ sql }) =>
      sql("UPDATE evidence_events SET leaf = zeroblob(3) WHERE type = 'run_opened'"),
    code: "input/malformed",
    exit: 4,
  },
  {
    why: "all checkpoints are gone",
    harm: ({ sql }) => sql("DELETE FROM checkpoints"),
    code: "checkpoint/missing",
    exit: 4,
  },
  {
    why: "the tail of the ledger is gone with all that names it",
    harm: ({ dir, sql }) => {
      sql("DELETE FROM checkpoints; DELETE FROM evidence_events WHERE lseq > 5")
      rmSync(join(dir, "runs"), { recursive: true })
    },
    code: "ledger/rolled-back",
    exit: 4,
  },
  {
    why: "the ledger's last event alone is gone",
    harm: ({ sql }) =>
      sql("DELETE FROM evidence_events WHERE lseq = (SELECT max(lseq) FROM evidence_events)"),
    code: "ledger/rolled-back",
    exit: 4,
  },
  {
    why: "the ledger is gone",
    harm: ({ dir }) => rmSync(join(dir, "ledger"), { recursive: true }),
    code: "ledger/rolled-back",
    exit: 4,
  },
  {
    why: "the whole workspace is an earlier copy",
    harm: ({ dir }) => {
      rmSync(dir, { recursive: true })
      cpSync(earlier, dir, { recursive: true })
    },
    code: "ledger/rolled-back",
    exit: 4,
  },
  {
    why: "the vault is an earlier copy",
    harm: ({ dir }) => cpSync(vaultPathOf(earlier), vaultPathOf(dir)),
    code: "vault/rolled-back",
    exit: 4,
  },
  {
    why: "the vault is not there",
    harm: ({ dir }) => rmSync(vaultPathOf(dir)),
    code: "vault/missing",
    exit: 1,
  },
  {
    why: "the vault is no vault",
    harm: ({ dir }) => writeFileSync(vaultPathOf(dir), "x"),
    code: "vault/damaged",
    exit: 4,
  },
  {
    why: "the database is no database",
    harm: ({ dir }) => {
      for (const end of ["", "-wal", "-shm"])
        rmSync(join(dir, "ledger", `ledger.sqlite${end}`), { force: true })
      writeFileSync(join(dir, "ledger", "ledger.sqlite"), "x".repeat(9000), { mode: 0o600 })
    },
    code: "store/unavailable",
    exit: 4,
  },
  {
    why: "the config says something that nobody signed",
    harm: ({ dir }) => edit(join(dir, "amc.config.yaml"), (text) => text.replace("main", "other")),
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "the config is no YAML",
    harm: ({ dir }) => edit(join(dir, "amc.config.yaml"), (text) => `${text}}{`),
    code: "config/malformed",
    exit: 4,
  },
  {
    why: "the config is gone",
    harm: ({ dir }) => rmSync(join(dir, "amc.config.yaml")),
    code: "config/missing",
    exit: 4,
  },
  {
    why: "a run can't be read beside an edited config",
    harm: ({ dir, second }) => {
      edit(join(dir, "gateway.yaml"), (text) => `${text}#`)
      rmSync(join(second, "report.json"))
    },
    code: "config/signature-invalid",
    exit: 4,
  },
  {
    why: "the root is another",
    harm: ({ dir }) =>
      edit(join(dir, "trust", "roots", "1.json"), (text) =>
        text.replace('"payload":"e', '"payload":"f'),
      ),
    code: "trust/root-contradicted",
    exit: 4,
  },
  {
    why: "the certificates are flipped",
    harm: ({ dir }) => {
      const keys = join(dir, "trust", "keys")
      for (const name of readdirSync(keys))
        edit(join(keys, name), (text) =>
          text.replace(/"sig":"(.)/, (_, c) => `"sig":"${c === "A" ? "B" : "A"}`),
        )
    },
    code: "trust/certificate-invalid",
    exit: 4,
  },
])("$why: $code, exit $exit", async ({ harm, code, exit }) => {
  const verdict = await verify(harmed(harm))
  expect(codesOf(verdict)).toContain(code)
  expect(exitOf(verdict)).toBe(exit)
})

test("a workspace with no memory of its ledger is accepted", async () => {
  const place = copyOf(base)
  const { state, workspace } = place.workspace
  rmSync(state.seenPath(workspace))
  expect(codesOf(await verify(place))).toEqual([])
})

test("what can't be looked at, with nothing wrong beside it, is said to be so", async () => {
  const place = copyOf(base)
  rmSync(place.workspace.state.seenPath(place.workspace.workspace))
  rmSync(join(place.workspace.state.dir, "trust"), { recursive: true })
  rmSync(join(place.workspace.dir, "ledger"), { recursive: true })
  rmSync(join(place.workspace.dir, "runs"), { recursive: true })
  await expect(verify(place)).rejects.toMatchObject({ code: "workspace/missing" })
})

test("a config that is half written while the ledger is walked is no forgery", async () => {
  const place = copyOf(base)
  const file = join(place.workspace.dir, "gateway.yaml")
  renameSync(`${file}.sig`, `${file}.sig.next`)
  expect(codesOf(await verify(place))).toEqual([])
})

test("while a provider is added, nobody sees a forgery", async () => {
  const place = copyOf(base)
  const provider = { ...exampleProvider, id: "second" }
  const progress = { isAdded: false }
  const adding = addProvider(place.workspace, { provider, key: null, clock }).finally(() => {
    progress.isAdded = true
  })
  const verdicts: Verdict<unknown>[] = []
  while (!progress.isAdded) {
    verdicts.push(await verify(place))
    // A ledger that is read in one turn would keep the provider from ever being added.
    await setImmediate()
  }
  await adding
  expect(verdicts.flatMap(codesOf)).toEqual([])
})

test.each<{ why: string; harm: (terms: Harm) => void; code: string }>([
  {
    why: "ledger",
    harm: ({ dir }) => {
      rmSync(join(dir, "ledger"), { recursive: true })
      cpSync(join(earlier, "ledger"), join(dir, "ledger"), { recursive: true })
    },
    code: "store/damaged",
  },
  {
    why: "ledger that is gone",
    harm: ({ dir }) => rmSync(join(dir, "ledger"), { recursive: true }),
    code: "store/damaged",
  },
  {
    why: "vault",
    harm: ({ dir }) => cpSync(vaultPathOf(earlier), vaultPathOf(dir)),
    code: "vault/damaged",
  },
])("nothing is captured after an older $why", async ({ harm, code }) => {
  const place = harmed(harm)
  const vault = vaultState(vaultPathOf(place.workspace.dir))
  const opening = openCapture(reopened(place), { clock })
  await expect(opening).rejects.toMatchObject({ code, hint: expect.any(String) })
  const provider = exampleProvider
  const adding = addProvider(reopened(place), { provider, key: utf8("sk-2"), clock })
  await expect(adding).rejects.toMatchObject({ code })
  expect(vaultState(vaultPathOf(place.workspace.dir))).toEqual(vault)
})

test("a ledger that went another way since is as bad as an older one", async () => {
  const place = copyOf(base)
  const { dir, state, workspace } = place.workspace
  const seen = readFileSync(state.seenPath(workspace))
  rmSync(state.seenPath(workspace))
  rmSync(dir, { recursive: true })
  cpSync(earlier, dir, { recursive: true })
  const memory = join(state.dir, "trust")
  renameSync(memory, `${memory}.away`)
  await run(place)
  expect(codesOf(await verify(place))).toEqual([])
  rmSync(memory, { recursive: true })
  renameSync(`${memory}.away`, memory)
  expect(new Set(codesOf(await verify(place)))).toEqual(new Set(["ledger/forked"]))
  writeFileSync(state.seenPath(workspace), seen)
  expect(codesOf(await verify(place))).toContain("ledger/rolled-back")
  const opening = openCapture(reopened(place), { clock })
  await expect(opening).rejects.toMatchObject({ code: "store/damaged" })
})

test("a run in another's place is neither shown nor verified, and one of no id is unknown", async () => {
  const { workspace } = harmed(({ first, second }) => {
    rmSync(second, { recursive: true })
    cpSync(first, second, { recursive: true })
  })
  const [, second] = runs
  expect(() => openStoredRun(loadRun(workspace.dir, second), workspace.keyring)).toThrow(
    expect.objectContaining({ code: "store/damaged" }),
  )
  expect(exitOf(await verifyStoredRun(workspace, second))).toBe(4)
  await expect(verifyStoredRun(workspace, unknownRun)).rejects.toMatchObject({
    code: "run/unknown",
  })
})

test("a run names the heads of every lane that has events of its agent", async () => {
  const place = harmed(({ sql }) =>
    sql(`INSERT INTO evidence_events SELECT 'zzz', lseq, leaf_hash, agent, aseq, session, type, ts, id, leaf, signature
         FROM evidence_events WHERE lseq = 0`),
  )
  const { keyring } = place.workspace
  const stored = loadRun(place.workspace.dir, await run(place))
  const { heads } = openStoredRun(stored, keyring).seal.run
  expect(heads.map(({ lane, agent }) => `${lane}/${agent}`)).toEqual([
    "main/_system",
    "main/a1",
    "zzz/_system",
  ])
})
