import {
  AmcError,
  type MeasuredFacts,
  type RunSeal,
  sha256Hex,
  systemAgent,
  toHex,
} from "@amc/core"
import { bankSha256, currentBank, encodeReport, engine, type Report } from "@amc/score"
import type { Capture } from "./capture.ts"
import { cosignCheckpoint, witnessesConfigPath } from "./cosigning.ts"
import { newRunId } from "./ids.ts"
import { withLedger } from "./ledger-reader.ts"
import { findRunPlace, type RunPlace } from "./run-place.ts"
import { scoreStored } from "./run-slice.ts"
import { saveRun, type StoredRun } from "./run-store.ts"
import type { Workspace } from "./workspace.ts"

export interface RunTerms {
  readonly agent: string
  readonly windowDays: number
}

export interface SealedRun {
  readonly stored: StoredRun
  readonly report: Report
  /** What the owner should know of the witnesses. */
  readonly warnings: readonly string[]
}

const dayMs = 86_400_000

/**
 * Scores an agent on all that its ledger holds of the window, up to now, and seals the result.
 *
 * `run_opened` fixes the inputs; the checkpoint after it commits to them; the report is a function of
 * them alone; the auditor's seal names all three.
 *
 * @throws {@link AmcError} `vault/locked`, `store/unavailable`, `workspace/unwritable`
 */
export async function makeRun(capture: Capture, terms: RunTerms): Promise<SealedRun> {
  const opened = await openRun(capture, terms)
  const { checkpoint, note } = await capture.checkpoint()
  const config = capture.configs.get(witnessesConfigPath)
  const asked = cosignCheckpoint(capture.workspace, { ...checkpoint, note }, config)
  // What it comes to is looked at below; until then it must not end the process.
  asked.catch(() => undefined)
  const { place, report } = await withLedger(capture.workspace, async (ledger) => {
    const found = await findRunPlace(ledger, opened)
    return { place: found, report: (await scoreStored(ledger, found)).report() }
  })
  const bytes = encodeReport(report)
  const runSeal = sealOf(capture, place, bytes, {
    origin: checkpoint.origin,
    size: checkpoint.size,
    root_sha256: toHex(checkpoint.root),
  })
  const seal = await capture.notary.sealRun(runSeal)
  const cosigned = await asked
  const stored = { runId: runSeal.run.run_id, report: bytes, seal, checkpoint: cosigned.note }
  saveRun(capture.workspace.dir, stored)
  await recordSeal(capture, runSeal, seal)
  return { stored, report, warnings: cosigned.warnings }
}

/** Records `run_opened` with the heads of the agent's chain and of the system's. */
async function openRun(capture: Capture, { agent, windowDays }: RunTerms): Promise<string> {
  const { recorder, workspace, clock } = capture
  await recorder.flush()
  const { heads, lastMs } = await headsOf(workspace, agent)
  // The lane's clock never goes back, and a window ends with its run's opening.
  const now = Math.max(clock(), lastMs)
  const measured: MeasuredFacts<"run_opened"> = {
    run_id: newRunId(),
    agent,
    bank_sha256: bankSha256(currentBank),
    window_from_ms: Math.max(0, now - windowDays * dayMs),
    window_to_ms: now,
    heads,
  }
  const recorded = await recorder.record({
    type: "run_opened",
    channel: "owner",
    agent,
    session: null,
    facts: { measured, reported: {} },
  })
  const own = heads.find((head) => head.agent === agent && head.lane === workspace.lane)
  const before = own?.aseq ?? -1
  if (recorded.aseq !== before + 1)
    throw new AmcError("store/conflict", "the agent was active while its run was opened", {
      hint: "run again when its sessions have ended",
    })
  return recorded.event_hash
}

/** The last events of the agent and of the system in every lane, and when the own lane's last event was. */
function headsOf(
  workspace: Workspace,
  agent: string,
): Promise<{ heads: MeasuredFacts<"run_opened">["heads"]; lastMs: number }> {
  return withLedger(workspace, async ({ events }) => {
    const heads: MeasuredFacts<"run_opened">["heads"] = []
    for (const lane of [...(await events.lanes())].sort())
      for (const head of await events.agentHeads(lane))
        if (head.agent === agent || head.agent === systemAgent) heads.push({ lane, ...head })
    heads.sort((a, b) => (`${a.lane}/${a.agent}` < `${b.lane}/${b.agent}` ? -1 : 1))
    return { heads, lastMs: (await events.head(workspace.lane))?.ts ?? 0 }
  })
}

function sealOf(
  { workspace }: Capture,
  { runOpened }: RunPlace,
  report: Uint8Array,
  checkpoint: RunSeal["run"]["checkpoint"],
): RunSeal {
  const { run_id, agent, bank_sha256, window_from_ms, window_to_ms, heads } =
    runOpened.facts.measured
  return {
    reportSha256: sha256Hex(report),
    run: {
      run_id,
      workspace: workspace.workspace,
      agent,
      engine,
      bank_sha256,
      window: { from_ms: window_from_ms, to_ms: window_to_ms },
      checkpoint,
      heads,
    },
  }
}

/** The seal itself goes into the ledger, so that the next run's completeness covers it. */
async function recordSeal(
  { recorder, notary }: Capture,
  { reportSha256, run }: RunSeal,
  seal: Uint8Array,
): Promise<void> {
  const sha256 = sha256Hex(seal)
  const measured = {
    run_id: run.run_id,
    agent: run.agent,
    report_sha256: reportSha256,
    statement_sha256: sha256,
    kid: (await notary.keys()).get("auditor")?.kid ?? "",
  }
  await recorder.record({
    type: "run_sealed",
    channel: "owner",
    agent: run.agent,
    session: null,
    facts: { measured, reported: {} },
    payload: {
      sha256,
      size: seal.length,
      media: "application/vnd.dsse.envelope.v1+json",
      blob: seal,
    },
  })
}
