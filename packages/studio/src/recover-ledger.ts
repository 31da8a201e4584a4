import { existsSync, readdirSync } from "node:fs"
import { type OpenSession, readOpenSessions } from "@amc/ledger"
import { lockLane } from "@amc/store-sqlite"
import { openCapture, spoolDirOf } from "./capture.ts"
import { completeConfigs, halfWrittenConfigs } from "./config-list.ts"
import { eventOf, hasLedger, withLedger } from "./ledger-reader.ts"
import { ledgerDir } from "./recorder-thread.ts"
import type { Workspace } from "./workspace.ts"

/** What was open, and is closed now. */
export interface RecoveredLedger {
  /** Sessions that have a seal "recovered" now, with the calls and connections that were under way. */
  readonly sessions: readonly {
    readonly session: string
    readonly agent: string
    readonly calls: readonly string[]
    readonly connections: readonly string[]
  }[]
  /** The numbers of the events that closed them, a gap among them. */
  readonly events: readonly number[]
  /** Config files whose signature a crash had left beside them. */
  readonly configs: readonly string[]
  /** Bodies that a crash left before their event; no event names them, and they are kept. */
  readonly spooled: number
}

/**
 * Closes what a crash left open in a workspace's ledger: calls, connections and sessions by signed events after a
 * gap, and writes of config files. Nothing that was recorded is deleted or changed. Asks for no passphrase where
 * nothing is open.
 *
 * @throws {@link AmcError} `ledger/lane-taken` while another process records; as {@link openCapture}
 */
export async function recoverLedger(
  workspace: Workspace,
  clock: () => number,
): Promise<RecoveredLedger> {
  const { open, from, ...found } = await look(workspace)
  if (open.length === 0) return { ...found, sessions: [], events: [] }
  // Whoever opens the lane closes first what was left open in it.
  const capture = await openCapture(workspace, { clock, monitorOnly: true })
  await capture.close()
  const sessions = open.map(({ session, agent, calls, connections }) => ({
    session,
    agent,
    calls: calls.map(({ call_id }) => call_id),
    connections: connections.map(({ connection_id }) => connection_id),
  }))
  return { ...found, sessions, events: await closingEvents(workspace, from) }
}

interface Found extends Pick<RecoveredLedger, "configs" | "spooled"> {
  readonly open: readonly OpenSession[]
  /** The number of the lane's next event. */
  readonly from: number
}

/** While the lane is held nobody is at work in it: what is open then was left open. */
async function look(workspace: Workspace): Promise<Found> {
  const { lane } = workspace
  const lock = await lockLane(ledgerDir(workspace), lane)
  try {
    const configs = halfWrittenConfigs(workspace)
    completeConfigs(workspace)
    const spooled = spooledIn(workspace)
    if (!hasLedger(workspace)) return { open: [], from: 0, configs, spooled }
    return await withLedger(workspace, async ({ events }) => {
      const from = ((await events.head(lane))?.lseq ?? -1) + 1
      return { open: await readOpenSessions(events, lane), from, configs, spooled }
    })
  } finally {
    lock.release()
  }
}

function spooledIn(workspace: Workspace): number {
  const dir = spoolDirOf(workspace)
  return existsSync(dir) ? readdirSync(dir).length : 0
}

function closingEvents(workspace: Workspace, from: number): Promise<readonly number[]> {
  return withLedger(workspace, async ({ events }) => {
    const numbers: number[] = []
    for await (const { lseq, leaf } of events.read(workspace.lane, from))
      if (isClosing(eventOf(leaf))) numbers.push(lseq)
    return numbers
  })
}

function isClosing(event: ReturnType<typeof eventOf>): boolean {
  switch (event.type) {
    case "gap":
      return event.facts.measured.reason === "crash"
    case "llm_response":
      return event.facts.measured.completeness === "crashed"
    case "network_traffic":
      return event.facts.measured.connections.some((one) => one.completeness === "crashed")
    case "session_seal":
      return event.facts.measured.reason === "recovered"
    default:
      return false
  }
}
