import { isFault } from "@amc/core"
import { lockLane } from "@amc/store-sqlite"
import { checkConfig } from "@amc/verify"
import { readConfigHistory } from "../config-history.ts"
import { allConfigs } from "../config-list.ts"
import { hasLedger, withLedger } from "../ledger-reader.ts"
import { ledgerDir } from "../recorder-thread.ts"
import { readSeen, requireSeenHead } from "../seen-ledger.ts"
import { recordedVault, requireRecordedVault } from "../seen-vault.ts"
import type { Workspace } from "../workspace.ts"
import { type Diagnosis, fail, ok, warn } from "./diagnosis.ts"

/** How far a clock may be behind the last event before sessions would look back-dated. */
const clockSlackMs = 5 * 60_000

/** Whether the ledger is the one that this machine knows, and nobody holds its lane. */
export async function ledger(workspace: Workspace): Promise<readonly Diagnosis[]> {
  if (!hasLedger(workspace)) {
    await requireSeenHead(readSeen(workspace), null, workspace)
    return [warn("ledger", "nothing has been recorded yet", "amc score -- <your agent command>")]
  }
  const head = await withLedger(workspace, async (opened) => {
    await requireSeenHead(readSeen(workspace), opened, workspace)
    requireRecordedVault(workspace, await recordedVault(workspace, opened))
    return opened.events.head(workspace.lane)
  })
  const detail = `${(head?.lseq ?? -1) + 1} events in lane ${workspace.lane}`
  const isFree = await isLaneFree(workspace)
  if (isFree) return [ok("ledger", `${detail}; 'amc verify' checks each`)]
  return [warn("ledger", `${detail}; another amc is writing it`, null)]
}

/** Whether the time goes on from where the ledger ended. */
export async function clock(workspace: Workspace, nowMs: number): Promise<readonly Diagnosis[]> {
  if (!hasLedger(workspace)) return [ok("clock", "there is nothing to compare it with")]
  const head = await withLedger(workspace, ({ events }) => events.head(workspace.lane))
  const behind = (head?.ts ?? 0) - nowMs
  if (behind <= 0) return [ok("clock", "it is later than the last event")]
  const detail = `it is ${Math.ceil(behind / 1000)} s behind the last event`
  if (behind <= clockSlackMs) return [warn("clock", detail, "timedatectl status")]
  return [fail("clock", detail, "timedatectl set-ntp true")]
}

/** Whether each config file is the owner's word. */
export async function configs(workspace: Workspace, nowMs: number): Promise<readonly Diagnosis[]> {
  const history = hasLedger(workspace) ? await readConfigHistory(workspace) : new Map()
  const { keyring } = workspace
  const auditors = keyring.keys("auditor")
  const liveAuditors = keyring.keysNow("auditor", nowMs)
  const terms = {
    workspace: workspace.workspace,
    auditors,
    liveAuditors,
    history,
    atMs: nowMs,
  }
  const found = allConfigs(workspace)
  const missing = [...history.keys()].filter((path) => !found.some((file) => file.path === path))
  return [
    ...found.map((file) => {
      const [flaw] = checkConfig(file, terms)
      const id = `config ${file.path}`
      if (flaw === undefined) return ok(id, "signed by the auditor")
      return fail(id, flaw.detail, `amc config sign ${file.path}`)
    }),
    ...missing.map((path) => fail(`config ${path}`, "the ledger names it, and it is gone", null)),
  ]
}

async function isLaneFree(workspace: Workspace): Promise<boolean> {
  try {
    const lock = await lockLane(ledgerDir(workspace), workspace.lane)
    lock.release()
    return true
  } catch (error) {
    if (isFault(error, "ledger/lane-taken")) return false
    throw error
  }
}
