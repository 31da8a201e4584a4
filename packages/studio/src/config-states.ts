import { type Finding, isFault, malformed, parseConfig, type Verdict } from "@amc/core"
import { checkConfig, type ConfigFile, FindingList } from "@amc/verify"
import { type ConfigRecord, nothingRecorded, readConfigRecord } from "./config-history.ts"
import { allConfigs } from "./config-list.ts"
import { inspectWorkspace } from "./inspect-workspace.ts"
import { Look } from "./look.ts"
import { hasLedger } from "./ledger-reader.ts"
import { judgeConfig } from "./judged-config.ts"
import type { StateHome } from "./state-home.ts"
import type { Workspace } from "./workspace.ts"

/** How a config file stands. */
export interface ConfigState {
  readonly path: string
  readonly state: "ok" | "unsigned" | "invalid" | "superseded" | "expired" | "missing"
  /** Of the signature, if it counts; else 0. */
  readonly version: number
  /** It was broken once, and holds levels at 3 until its next signed version. */
  readonly unrepaired: boolean
  readonly detail: string
}

export interface ConfigStates {
  readonly states: readonly ConfigState[]
  /** With the findings that `amc verify` has of the same files. */
  readonly verdict: Verdict<number>
}

export interface StateTerms {
  /** Paths under `.amc`; all that are there or that the ledger names, if there are none. */
  readonly paths: readonly string[]
  readonly clock: () => number
}

/**
 * Says how the config files of a folder's workspace stand. As `amc verify`, it goes on where trust or the
 * workspace's own config does not hold.
 *
 * @throws {@link AmcError} `workspace/missing`, `workspace/unknown`, `store/unavailable`
 */
export async function configStates(
  folder: string,
  state: StateHome,
  { paths, clock }: StateTerms,
): Promise<ConfigStates> {
  const findings = new FindingList()
  const look = new Look(findings)
  const workspace = inspectWorkspace(folder, state, clock(), look)
  if (workspace === undefined) return { states: [], verdict: look.verdict<number>(undefined) }
  const states = await statesOf(workspace, { paths, clock }, findings)
  return { states, verdict: look.verdict(states.length) }
}

async function statesOf(
  workspace: Workspace,
  { paths, clock }: StateTerms,
  findings: FindingList,
): Promise<readonly ConfigState[]> {
  const record = hasLedger(workspace) ? await readConfigRecord(workspace) : nothingRecorded
  const found = new Map(allConfigs(workspace).map((file) => [file.path, file]))
  const asked = paths.length > 0 ? paths : [...found.keys(), ...record.history.keys()]
  return [...new Set(asked)].map((path) => {
    const file = found.get(path)
    const own = findingsOf(workspace, path, { file, record, now: clock() })
    findings.addAll(own)
    const bytes = file?.bytes ?? new Uint8Array()
    return {
      path,
      state: stateOf(own[0]),
      version: own.length > 0 ? 0 : judgeConfig(workspace, path, bytes, clock()).version,
      unrepaired: record.unrepaired.has(path),
      detail: own[0]?.detail ?? "",
    }
  })
}

function findingsOf(
  { workspace, keyring }: Workspace,
  path: string,
  { file, record, now }: { file: ConfigFile | undefined; record: ConfigRecord; now: number },
): readonly Finding[] {
  const { history } = record
  if (file === undefined) {
    const isNamed = history.has(path)
    const detail = isNamed ? "the ledger names it, and it is not there" : "it is not there"
    return [{ code: "config/missing", subject: path, detail, tampered: isNamed }]
  }
  const auditors = keyring.keys("auditor")
  const liveAuditors = keyring.keysNow("auditor", now)
  const terms = { workspace, auditors, liveAuditors, history, atMs: now }
  const flaws = checkConfig(file, terms)
  return flaws.length > 0 ? flaws : unreadable(file)
}

/** What the auditor signed and this program can't read is not tampered with, and of no use. */
function unreadable({ path, bytes }: ConfigFile): readonly Finding[] {
  const findings = new FindingList()
  findings.attempt({ code: "config/malformed", subject: path, tampered: false }, () => {
    try {
      parseConfig(bytes, path)
    } catch (error) {
      throw isFault(error, "usage/invalid") ? malformed(error.message) : error
    }
  })
  return findings.all()
}

const states: Readonly<Record<string, ConfigState["state"]>> = {
  "config/unsigned": "unsigned",
  "config/superseded": "superseded",
  "config/expired": "expired",
  "config/missing": "missing",
}

function stateOf(first: Finding | undefined): ConfigState["state"] {
  return first === undefined ? "ok" : (states[first.code] ?? "invalid")
}
