import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { AmcError, type Keyring, openRunSeal, type RunSeal, sha256Hex } from "@amc/core"
import { parseReport, type Report } from "@amc/score"
import { readRegularFile } from "./regular-file.ts"

/** A sealed run as it lies in the workspace: three files that together are the claim and its proof. */
export interface StoredRun {
  readonly runId: string
  /** Canonical JSON; the seal is about these bytes. */
  readonly report: Uint8Array
  /** DSSE envelope of the run statement, by the auditor. */
  readonly seal: Uint8Array
  /** The signed note of the checkpoint that the run was made at. */
  readonly checkpoint: string
}

const names = { report: "report.json", seal: "seal.dsse.json", checkpoint: "checkpoint" } as const
const fileSizeMax = 1 << 28
const runIdPattern = /^run-[0-9a-f-]{36}$/

/** Keeps a run: all of it or nothing. @throws {@link AmcError} `workspace/unwritable` */
export function saveRun(dir: string, { runId, report, seal, checkpoint }: StoredRun): void {
  const folder = folderOf(dir, runId)
  const temporary = `${folder}.tmp`
  try {
    rmSync(temporary, { recursive: true, force: true })
    mkdirSync(temporary, { recursive: true, mode: 0o700 })
    writeFileSync(join(temporary, names.report), report, { mode: 0o600, flush: true })
    writeFileSync(join(temporary, names.seal), seal, { mode: 0o600, flush: true })
    writeFileSync(join(temporary, names.checkpoint), checkpoint, { mode: 0o600, flush: true })
    renameSync(temporary, folder)
  } catch (cause) {
    throw new AmcError("workspace/unwritable", `${folder} can't be written`, { cause })
  }
}

/** Whether something lies under this id. */
export function hasRun(dir: string, runId: string): boolean {
  return runIdPattern.test(runId) && existsSync(folderOf(dir, runId))
}

/**
 * Reads a run. Nothing is checked: see {@link openStoredRun}.
 *
 * @throws {@link AmcError} `run/unknown`; `store/damaged` for what is no regular file; `input/unreadable`
 */
export function loadRun(dir: string, runId: string): StoredRun {
  const folder = runIdPattern.test(runId) ? folderOf(dir, runId) : null
  if (folder === null || !existsSync(folder))
    throw new AmcError("run/unknown", `there is no run ${runId}`, { hint: "see 'amc run list'" })
  const [report, seal, checkpoint] = [names.report, names.seal, names.checkpoint].map((name) =>
    readFile(folder, runId, name),
  ) as [Uint8Array, Uint8Array, Uint8Array]
  return { runId, report, seal, checkpoint: Buffer.from(checkpoint).toString("utf8") }
}

function readFile(folder: string, runId: string, name: string): Uint8Array {
  const bytes = readRegularFile(join(folder, name), `${name} of ${runId}`, fileSizeMax)
  if (bytes !== null) return bytes
  throw new AmcError("run/unknown", `the run ${runId} is not whole: it has no ${name}`)
}

/** The ids of the runs, oldest first (they start with their time). */
export function listRuns(dir: string): readonly string[] {
  return namesIn(join(dir, "runs"))
    .filter((name) => runIdPattern.test(name))
    .sort()
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === "ENOENT" || code === "ENOTDIR") return []
    throw new AmcError("input/unreadable", `${folder} can't be read`, { cause })
  }
}

/**
 * What a stored run says, if an auditor of this keyring sealed this very report.
 *
 * @throws {@link AmcError} `input/malformed`, `store/damaged`
 */
export function openStoredRun(run: StoredRun, keyring: Keyring): { seal: RunSeal; report: Report } {
  const seal = openRunSeal(run.seal, keyring.keys("auditor"))
  if (seal.run.run_id !== run.runId)
    throw new AmcError("store/damaged", `what lies under ${run.runId} is another run`, {
      hint: "see 'amc verify'",
    })
  if (seal.reportSha256 !== sha256Hex(run.report))
    throw new AmcError(
      "store/damaged",
      `the report of ${run.runId} is not the one that was sealed`,
      {
        hint: "see 'amc verify'",
      },
    )
  return { seal, report: parseReport(run.report) }
}

function folderOf(dir: string, runId: string): string {
  return join(dir, "runs", runId)
}
