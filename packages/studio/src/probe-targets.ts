import { existsSync, realpathSync } from "node:fs"
import { join } from "node:path"
import type { ProbeRecord, MeasuredFacts } from "@amc/core"
import type { ProbeTargets } from "@amc/sandbox"
import { findUnlocked, vaultPathOf } from "@amc/vault"
import type { OpenedSession } from "./opened-session.ts"
import { ledgerDir } from "./recorder-thread.ts"

/** All that an agent must never get at, while it exists and could be reached. */
export async function probeTargets({
  capture,
  gateway,
  terms,
}: OpenedSession): Promise<ProbeTargets> {
  const { workspace, notarySocket } = capture
  const { state, workspace: id } = workspace
  const passphrases = (["monitor", "auditor", "root"] as const).map(
    (slot) => [`passphrase_${slot}`, state.passphrasePath(id, slot)] as const,
  )
  const unlocked = await findUnlocked(state.unlockedPath(id))
  // What its owner has taken away is no target, since there would be no control.
  const there = [["unlocked", state.unlockedPath(id)] as const, ...passphrases].filter(([, path]) =>
    existsSync(path),
  )
  const others = unlocked === null ? {} : { unlocked_notary: unlocked.socketPath }
  const { socketPath: egress } = gateway.egress
  return {
    files: {
      vault: vaultPathOf(workspace.dir),
      ledger: join(ledgerDir(workspace), "ledger.sqlite"),
      ...Object.fromEntries(there),
    },
    sockets: {
      notary: notarySocket,
      ...others,
      // Without a box the gateway listens on a port, which the agent is given.
      ...(terms.driver === "none" ? {} : { gateway: gateway.socketPath }),
      ...(egress === null ? {} : { egress }),
    },
    ports: {},
    canaryFolder: realpathSync(workspace.dir),
  }
}

/** A probe's record as the facts of an event. */
export function probeFacts(record: ProbeRecord): MeasuredFacts<"sandbox_probe"> {
  const { checks, inside, outside } = record
  return { ...record, checks: [...checks], inside: { ...inside }, outside: { ...outside } }
}
