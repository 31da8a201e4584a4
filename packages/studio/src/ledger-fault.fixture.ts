import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { extname, join } from "node:path"
import { createInterface } from "node:readline"
import { text } from "node:stream/consumers"
import { fileURLToPath } from "node:url"
import { type Finding, openReceipt, parseEvent, type Verdict } from "@amc/core"
import { readPublished } from "@amc/ledger"
import { sampleAudit } from "@amc/testkit"
import { lowestKdfCost } from "@amc/vault"
import { rolldown } from "rolldown"
import { openCapture } from "./capture.ts"
import { fsckLedger } from "./fsck.ts"
import { initWorkspace } from "./init.ts"
import {
  faultTestsMs,
  openRecording,
  placeOf,
  readRecordingTerms,
} from "./ledger-fault-recording.fixture.ts"
import { withLedger } from "./ledger-reader.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { tileStoreOf } from "./tile-folder.ts"
import { verifyWorkspace } from "./verify-workspace.ts"
import { openWorkspace, type Workspace } from "./workspace.ts"

/** The file calls that make, change or flush something. */
const calls =
  "openat,write,pwrite64,writev,fsync,fdatasync,rename,renameat2,ftruncate,fallocate,unlink,unlinkat,rmdir,mkdir,link,linkat,chmod,fchmod"

/** A file call of a recording. */
export interface FileCall {
  /** Whether the ledger is made by it, or was there before. */
  readonly isNew: boolean
  readonly thread: "main" | "pool"
  readonly call: string
  /** The file's place, with `PID` for the number of the process. */
  readonly path: string
  /** Which of the calls of this kind at this file. */
  readonly nth: number
}

/** Which call fails, and how. */
export interface FaultPoint extends FileCall {
  readonly fault: "EIO" | "ENOSPC" | "SIGKILL"
  /** Whether all later calls fail as well. */
  readonly lasts: boolean
}

/** What came of a fault. */
export interface FaultOutcome {
  readonly point: FaultPoint
  /** Whether the fault came to pass. */
  readonly isHit: boolean
  readonly acknowledged: number
  /** The codes that the process answered with. */
  readonly codes: readonly string[]
  readonly problems: readonly string[]
}

/** A workspace whose copies are recorded in, and the program that does it. */
export interface FaultBench {
  readonly top: string
  readonly program: string
}

/** Why faults can't be injected here; null if they can. */
export async function faultsHindered(): Promise<string | null> {
  const other = spawn(process.execPath, ["-e", "process.stdin.resume()"])
  const tracer = spawn("strace", ["-p", `${other.pid}`], { stdio: ["ignore", "ignore", "pipe"] })
  try {
    await once(tracer, "spawn")
    await attached(tracer.stderr, 1)
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    other.kill("SIGKILL")
  }
}

/** A workspace that has been used once, or one that has no ledger yet. The caller removes `top`. */
export async function makeFaultBench(): Promise<FaultBench> {
  const top = mkdtempSync(join(tmpdir(), "amc-faults-"))
  const clock = (): number => faultTestsMs - 60_000
  const { folder, state } = placeOf(join(top, "new"))
  await initWorkspace({ folder, state, clock, cost: lowestKdfCost })
  cpSync(join(top, "new"), join(top, "used"), { recursive: true })
  const capture = await openCapture(settle(join(top, "used")), {
    clock,
    checkpointEveryMs: 60_000,
  })
  await capture.close()
  return { top, program: await buildChild() }
}

/** Tells a copied workspace where it is now. */
function settle(top: string): Workspace {
  const { folder, state } = placeOf(top)
  const [known] = state.remembered()
  if (known === undefined) throw new Error("the workspace is not remembered")
  state.remember({ ...known, path: join(folder, ".amc") })
  mkdirSync(join(folder, ".amc", "spool"), { recursive: true })
  return openWorkspace(folder, state, faultTestsMs)
}

async function buildChild(): Promise<string> {
  const folder = fileURLToPath(new URL("../dist/faults", import.meta.url))
  const name = "ledger-fault-child.fixture"
  const source = new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)
  const bundle = await rolldown({
    input: { [name]: fileURLToPath(source) },
    external: ["better-sqlite3", "@node-rs/argon2", "vitest"],
    platform: "node",
    treeshake: { moduleSideEffects: (id) => id !== "vitest" },
  })
  await bundle.write({ dir: folder, format: "esm", entryFileNames: "[name].js" })
  await bundle.close()
  return `${folder}/${name}.js`
}

interface Ended {
  readonly lines: readonly string[]
  readonly pid: string
  readonly signal: string | null
  readonly status: number | null
  /** What the tracer saw. */
  readonly log: string
}

/** What of a child is traced, and what the tracer is to do, once its number is known. */
interface Tracing {
  readonly isNew: boolean
  readonly threads: readonly FaultPoint["thread"][]
  readonly args: (pid: string) => readonly string[]
}

/** Runs the child on a place, with a tracer on one of its threads or on both. */
async function runChild(
  { program }: FaultBench,
  top: string,
  { isNew, threads, args }: Tracing,
): Promise<Ended> {
  const env = { PATH: process.env["PATH"], UV_THREADPOOL_SIZE: "1", UV_USE_IO_URING: "0" }
  const child = spawn(process.execPath, [program, top, isNew ? "1" : "2"], { env })
  const ended = once(child, "close") as Promise<[number | null, string | null]>
  const stderr = text(child.stderr)
  const lines: string[] = []
  const reader = createInterface(child.stdout)
  reader.on("line", (line) => lines.push(line))
  await Promise.race([once(reader, "line"), ended])
  const [, pid = "", pool = ""] = (lines.shift() ?? "").split(" ")
  if (!/^\d+$/u.test(pool)) throw new Error(`the child did not start: ${await stderr}`)
  const log = join(top, "strace.log")
  const tasks = threads.flatMap((thread) => ["-p", thread === "main" ? pid : pool])
  const tracer = spawn("strace", [...tasks, "-y", "-s", "0", "-o", log, ...args(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  })
  const traced = once(tracer, "close")
  await attached(tracer.stderr, threads.length)
  child.stdin.on("error", () => undefined)
  child.stdin.write("!")
  const [status, signal] = await ended
  await traced
  const said = (await stderr).trim()
  if (said !== "") lines.push(`bug ${said}`)
  return { lines, pid, status, signal, log: readFileSync(log, "utf8") }
}

async function attached(stderr: NodeJS.ReadableStream, count: number): Promise<void> {
  let said = ""
  for await (const chunk of stderr) {
    said += String(chunk)
    if (said.split("attached").length > count) break
  }
  if (said.split("attached").length <= count) throw new Error(`strace: ${said}`)
  stderr.resume()
}

function copyPlace({ top: from }: FaultBench, isNew: boolean): string {
  const top = mkdtempSync(join(from, "at-"))
  cpSync(join(from, isNew ? "new" : "used"), top, { recursive: true })
  settle(top)
  return top
}

/** Every file call that a recording makes in its workspace, by the thread that makes it. */
export async function listCalls(bench: FaultBench, isNew: boolean): Promise<readonly FileCall[]> {
  const top = copyPlace(bench, isNew)
  const args = (): readonly string[] => [`--trace=${calls}`]
  const ended = await runChild(bench, top, { isNew, threads: ["main", "pool"], args })
  if (ended.lines.at(-1) !== "end") throw new Error(`no fault, and ${ended.lines.join("; ")}`)
  const counts = new Map<string, number>()
  const inside = new RegExp(`"?${top}/([^">]*)`, "u")
  return ended.log.split("\n").flatMap((line) => {
    const [, task = "", call = ""] = /^(\d+) +(\w+)\(/u.exec(line) ?? []
    const [, place] = inside.exec(line) ?? []
    if (call === "" || place === undefined) return []
    const thread = task === ended.pid ? "main" : "pool"
    const path = place.replaceAll(new RegExp(`\\b${ended.pid}-`, "gu"), "PID-")
    const kind = `${thread} ${call} ${path}`
    const nth = (counts.get(kind) ?? 0) + 1
    counts.set(kind, nth)
    return [{ isNew, thread, call, path, nth } as const]
  })
}

/** Each call with each fault that it can have. */
export function pointsOf(all: readonly FileCall[]): readonly FaultPoint[] {
  return all.flatMap((each) => [
    { ...each, fault: "EIO", lasts: false },
    { ...each, fault: "SIGKILL", lasts: false },
    ...(mayFill.has(each.call) ? [{ ...each, fault: "ENOSPC", lasts: true } as const] : []),
  ])
}

/** What a full disk refuses. */
const mayFill = new Set(["openat", "write", "pwrite64", "ftruncate", "mkdir", "rename", "fsync"])

/** What calls have in common that do the same with another file of the same kind. */
export function kindOf({ isNew, thread, call, path }: FileCall): string {
  const file = path
    .replace(/\/[0-9a-f]{2}(?=\/|$)/gu, "/xx")
    .replace(/[0-9a-f]{64}/gu, "HASH")
    .replace(/ws-[0-9a-f]+/u, "WORKSPACE")
    .replace(/PID-[\d-]+|\d+$/u, "N")
  return `${isNew ? "new" : "used"} ${thread} ${call} ${file}`
}

/** Records until a fault hits, restarts without it, and says what is not as it must be. */
export async function faultAt(bench: FaultBench, point: FaultPoint): Promise<FaultOutcome> {
  const { isNew, thread, call } = point
  const top = copyPlace(bench, isNew)
  const how = point.fault === "SIGKILL" ? "signal=SIGKILL" : `error=${point.fault}`
  const when = `when=${point.nth}${point.lasts ? "+" : ""}`
  const args = (pid: string): readonly string[] => [
    `--trace-path=${join(top, point.path.replaceAll("PID-", `${pid}-`))}`,
    `--trace=${call}`,
    `--inject=${call}:${how}:${when}`,
  ]
  try {
    return await judge(point, top, await runChild(bench, top, { isNew, threads: [thread], args }))
  } finally {
    rmSync(top, { recursive: true, force: true })
  }
}

async function judge(point: FaultPoint, top: string, ended: Ended): Promise<FaultOutcome> {
  const isKilled = ended.signal === "SIGKILL"
  const isHit = isKilled || ended.log.includes("(INJECTED)")
  const said = ended.lines.map((line) => line.split(" "))
  const codes = said.flatMap(([kind, code = ""]) => (kind === "fault" ? [code] : []))
  const events = said.filter(([kind]) => kind === "event")
  const { folder, state } = placeOf(top)
  const workspace = openWorkspace(folder, state, faultTestsMs)
  const problems = [
    ...said.flatMap(([kind, ...words]) => (kind === "bug" ? [`bug: ${words.join(" ")}`] : [])),
    ...(isKilled || ended.lines.at(-1) === "end" ? [] : [`ended with ${ended.status}`]),
    ...(isHit ? silenceProblems(point, codes, isKilled) : []),
    ...(await treeProblems(workspace, said)),
  ]
  if (!isKilled && !point.lasts) problems.push(...leftovers(workspace))
  try {
    await restart(top)
    problems.push(...(await evidenceProblems(workspace, events)))
    problems.push(...(await verdictProblems(workspace, folder)), ...leftovers(workspace))
  } catch (error) {
    problems.push(`after the restart: ${error instanceof Error ? error.stack : String(error)}`)
  }
  return { point, isHit, acknowledged: events.length, codes, problems }
}

/** What may fail without a word, since nothing that was acknowledged rests on it. */
const mayFailSilently: readonly {
  readonly call: string
  readonly path: RegExp
  /** Only if the next call of its kind succeeds. */
  readonly once?: true
}[] = [
  // The folder is there, as the next look shows.
  { call: "mkdir", path: /^(home\/\.amc\/ledger(\/[\w.]+)*|state\/amc\/[-\w/]+)$/u },
  // At the end the log is moved into the database. If that fails the log stays, and the next start reads it.
  { call: "pwrite64", path: /\/ledger\.sqlite$/u },
  { call: "ftruncate", path: /\/ledger\.sqlite$/u },
  { call: "fsync", path: /\/ledger\.sqlite$/u },
  // SQLite's own, when it first flushes its log; the folder was flushed when the database was opened.
  { call: "fsync", path: /^home\/\.amc\/ledger$/u, once: true },
  { call: "unlink", path: /\/(ledger\.sqlite-(wal|shm)|main\.lock-journal)$/u },
]

function silenceProblems(
  { call, path, lasts }: FaultPoint,
  codes: readonly string[],
  isKilled: boolean,
): readonly string[] {
  if (isKilled || codes.length > 0) return []
  const isHarmless = mayFailSilently.some(
    (one) => one.call === call && one.path.test(path) && !(lasts && one.once === true),
  )
  return isHarmless ? [] : ["the fault was not answered with a code"]
}

/** What was said to be published is, before anybody mends anything. */
async function treeProblems(
  workspace: Workspace,
  said: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const [, size = "0"] = said.findLast(([kind]) => kind === "tree") ?? []
  const published = (await readPublished(tileStoreOf(workspace)))?.size ?? 0
  return published >= Number(size) ? [] : [`${size} published, and there are ${published}`]
}

/** As the next process does: recovers, goes on recording, and ends well. */
async function restart(top: string): Promise<void> {
  let now = faultTestsMs + 60_000
  const recording = await openRecording(await readRecordingTerms(top, () => now++))
  await recording.writer.record(sampleAudit("it goes on"))
  const { tilesFault } = await recording.checkpoint()
  if (tilesFault !== null) throw new Error(`tiles: ${tilesFault.message}`)
  if (recording.writer.openSessions().length > 0) throw new Error("a session is still open")
  await recording.close()
}

async function evidenceProblems(
  workspace: Workspace,
  acknowledged: readonly (readonly string[])[],
): Promise<readonly string[]> {
  const hashes: string[] = []
  const [asked, answered] = [new Set<string>(), new Set<string>()]
  await withLedger(workspace, async ({ events }) => {
    for await (const { leaf, leafHash } of events.read(workspace.lane, 0)) {
      hashes.push(Buffer.from(leafHash).toString("hex"))
      const event = parseEvent(leaf)
      if (event.type === "llm_request") asked.add(event.facts.measured.call_id)
      if (event.type === "llm_response") answered.add(event.facts.measured.call_id)
    }
  })
  const keys = workspace.keyring.keys("monitor")
  const problems = [...asked].filter((id) => !answered.has(id)).map((id) => `${id} is open`)
  for (const [, lseq, hash, receipt = "-"] of acknowledged) {
    if (hashes[Number(lseq)] !== hash) problems.push(`event ${lseq} was acknowledged and is lost`)
    if (receipt !== "-" && openReceipt(receipt, keys).event_hash !== hash)
      problems.push(`the receipt of event ${lseq} is of another event`)
  }
  return problems
}

async function verdictProblems(workspace: Workspace, folder: string): Promise<readonly string[]> {
  const progress = (): void => undefined
  const clock = (): number => faultTestsMs + 120_000
  const { verdict: tree } = await fsckLedger(workspace, { rebuilds: false, clock, progress })
  const whole = await verifyWorkspace(folder, workspace.state, { clock, progress })
  return [...findingsOf(tree), ...findingsOf(whole)].map(
    ({ code, subject, detail }) => `${code} ${subject}: ${detail}`,
  )
}

function findingsOf(verdict: Verdict<unknown>): readonly Finding[] {
  return verdict.accepted ? [] : verdict.findings
}

/** Files under temporary names: payloads that no event names. */
function leftovers(workspace: Workspace): readonly string[] {
  return ["blobs", "tiles"].flatMap((name) => {
    const folder = join(ledgerDir(workspace), name)
    const names = existsSync(folder) ? readdirSync(folder) : []
    return names.filter((each) => each.startsWith(".new-")).map((each) => `${each} was left`)
  })
}
