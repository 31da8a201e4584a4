import { AmcError, type Finding, type ObservationOf, systemAgent } from "@amc/core"
import { lockLane, openLedger, type SqliteLedger } from "@amc/store-sqlite"
import { pruneSlackMs } from "@amc/verify"
import { type Capture, openCapture } from "./capture.ts"
import { nothingRecorded, readConfigHistory } from "./config-history.ts"
import { judgeConfigs } from "./config-list.ts"
import { eventOf, hasLedger, withLedger } from "./ledger-reader.ts"
import { planPrune, type PrunePlan } from "./prune-plan.ts"
import { ledgerDir } from "./recorder-thread.ts"
import { type RetentionPolicy, retentionPolicyOf } from "./retention-policy.ts"
import type { Workspace } from "./workspace.ts"

export interface PruneTerms {
  /** Only say what would go. */
  readonly isDryRun: boolean
  readonly clock: () => number
}

/** What went, or would go. */
export interface PruneSummary {
  readonly policy: { readonly version: number; readonly sha256: string }
  readonly events: number
  readonly payloads: number
  readonly bytes: number
  /** Of these, payloads that an earlier prune had named and a crash had left. */
  readonly finished: number
  /** Payloads that stay since an event that has to keep its payload has the same. */
  readonly shared: number
  /** Old payloads that somebody else took away or changed. */
  readonly findings: readonly Finding[]
}

/** So many events does one prune name at most (its schema's limit). */
const namedMax = 1024

/**
 * Deletes stored payloads that the signed retention policy lets go: first an event that names them is durable, then
 * they go. Killed in between, the next prune finishes. All digests stay, so that everything still verifies.
 *
 * @throws {@link AmcError} `ledger/no-retention`, `ledger/clock-behind`, `ledger/lane-taken`, `workspace/missing`; as {@link openCapture}
 */
export async function prunePayloads(
  workspace: Workspace,
  { isDryRun, clock }: PruneTerms,
): Promise<PruneSummary> {
  const policy = await policyNow(workspace, clock())
  if (isDryRun) return summaryOf(policy, await planOf(workspace, policy, clock()))
  await withLedger(workspace, (ledger) => requireClock(ledger, workspace.lane, clock()))
  const capture = await openCapture(workspace, { clock, monitorOnly: true })
  try {
    return await pruneWith(capture)
  } finally {
    await capture.close()
  }
}

/** Without a policy nobody is asked for a passphrase. */
async function policyNow(workspace: Workspace, nowMs: number): Promise<RetentionPolicy> {
  const history = hasLedger(workspace)
    ? await readConfigHistory(workspace)
    : nothingRecorded.history
  return retentionPolicyOf(judgeConfigs(workspace, history, nowMs))
}

/** The policy is taken from the capture, which has recorded that it is in force. */
async function pruneWith(capture: Capture): Promise<PruneSummary> {
  const { workspace, clock, recorder } = capture
  const policy = retentionPolicyOf(capture.configs)
  const locks = await lockOthers(workspace)
  try {
    const plan = await planOf(workspace, policy, clock())
    for (const prune of prunesOf(policy, plan)) await recorder.record(prune)
    await remove(
      workspace,
      plan.payloads.map(({ sha256 }) => sha256),
    )
    return summaryOf(policy, plan)
  } finally {
    for (const lock of locks) lock.release()
  }
}

/** No other lane may take up a payload that is about to go. */
async function lockOthers(workspace: Workspace): Promise<Awaited<ReturnType<typeof lockLane>>[]> {
  const lanes = await withLedger(workspace, ({ events }) => events.lanes())
  const locks: Awaited<ReturnType<typeof lockLane>>[] = []
  try {
    for (const lane of lanes)
      if (lane !== workspace.lane) locks.push(await lockLane(ledgerDir(workspace), lane))
    return locks
  } catch (error) {
    for (const lock of locks) lock.release()
    throw error
  }
}

function planOf(workspace: Workspace, policy: RetentionPolicy, nowMs: number): Promise<PrunePlan> {
  const { lane, keyring } = workspace
  return withLedger(workspace, async (ledger) => {
    await requireClock(ledger, lane, nowMs)
    return planPrune(ledger, { lane, keyring, policy, nowMs })
  })
}

/** An event is never earlier than the one before it, and verifiers refuse a prune of a time to come. */
async function requireClock({ events }: SqliteLedger, lane: string, nowMs: number): Promise<void> {
  const lastMs = await lastMsOf(events, lane)
  if (lastMs <= nowMs + pruneSlackMs) return
  const message = `the last event of lane ${lane} is ${Math.ceil((lastMs - nowMs) / 60_000)} minutes later than this machine's clock`
  throw new AmcError("ledger/clock-behind", message, {
    hint: "set the clock right if it is behind; if it once ran ahead, prune when that time has come",
  })
}

async function lastMsOf(events: SqliteLedger["events"], lane: string): Promise<number> {
  const head = await events.head(lane)
  if (head === null) return 0
  for await (const { leaf } of events.read(lane, head.lseq, head.lseq)) return eventOf(leaf).ts
  return 0
}

/** Each names its events in order, and counts the payloads of which it names the first. */
function prunesOf(
  policy: RetentionPolicy,
  { payloads }: PrunePlan,
): readonly ObservationOf<"payload_prune">[] {
  const named = payloads
    .flatMap(({ events, bytes }) =>
      events
        .toSorted((a, b) => a - b)
        .map((lseq, at) => ({ lseq, bytes: at === 0 ? bytes : null })),
    )
    .sort((a, b) => a.lseq - b.lseq)
  const groups = Array.from({ length: Math.ceil(named.length / namedMax) }, (_, at) =>
    named.slice(at * namedMax, (at + 1) * namedMax),
  )
  return groups.map((group) => {
    const sizes = group.flatMap(({ bytes }) => bytes ?? [])
    return pruneOf(policy, {
      events: group.map(({ lseq }) => lseq),
      payloads: sizes.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
    })
  })
}

function pruneOf(
  { bytes, sha256, version }: RetentionPolicy,
  counts: Pick<
    ObservationOf<"payload_prune">["facts"]["measured"],
    "events" | "payloads" | "bytes"
  >,
): ObservationOf<"payload_prune"> {
  const measured = { policy_sha256: sha256, policy_version: version, ...counts }
  return {
    type: "payload_prune",
    channel: "recorder",
    agent: systemAgent,
    session: null,
    facts: { measured, reported: {} },
    payload: { sha256, size: bytes.length, media: "application/yaml", blob: bytes },
  }
}

async function remove(workspace: Workspace, digests: readonly string[]): Promise<void> {
  if (digests.length === 0) return
  const ledger = openLedger(ledgerDir(workspace))
  try {
    await ledger.blobs.remove(digests)
  } finally {
    await ledger.close()
  }
}

function summaryOf(
  { version, sha256 }: RetentionPolicy,
  { payloads, shared, findings }: PrunePlan,
): PruneSummary {
  return {
    policy: { version, sha256 },
    events: payloads.reduce((sum, { events }) => sum + events.length, 0),
    payloads: payloads.length,
    bytes: payloads.reduce((sum, { bytes }) => sum + bytes, 0),
    finished: payloads.filter(({ events }) => events.length === 0).length,
    shared,
    findings,
  }
}
