import type { MeasuredFacts } from "@amc/core"
import { agentUser, type SandboxHandle, type WatchSummary } from "@amc/sandbox"
import { searchForCanary } from "./canary-search.ts"
import type { OpenedSession } from "./opened-session.ts"
import { type AgentRun, followAgent } from "./running-agent.ts"

/** A run with what was seen of its box from outside meanwhile. */
export interface WatchedRun extends AgentRun {
  /** How the box came to differ from what was measured; empty if it did not. */
  readonly drifts: readonly string[]
}

/**
 * Follows an agent in a box, and watches the box as long as it runs. A box that changes is said at once;
 * afterwards what the agent left is searched for what it can't have read.
 */
export async function followWatched(
  opened: OpenedSession,
  box: SandboxHandle,
): Promise<WatchedRun> {
  const recorded: Promise<void>[] = []
  const watch = box.watch((what) => {
    const said = opened.audit("TRUST_BOUNDARY_DRIFT", what)
    said.catch(() => undefined)
    recorded.push(said)
  })
  let summary: WatchSummary | undefined
  try {
    const run = await followAgent(opened, box, agentUser().uid)
    summary = watch.stop()
    await Promise.all(recorded)
    await recordWatch(opened, summary, box)
    return { ...run, drifts: summary.drifts }
  } finally {
    if (summary === undefined) watch.stop()
  }
}

async function recordWatch(
  opened: OpenedSession,
  summary: WatchSummary,
  box: SandboxHandle,
): Promise<void> {
  const dials = box.refusedDials()
  const { tripwires, work } = opened
  const search =
    tripwires === null
      ? { found: 0, bytes: 0, isComplete: false }
      : searchForCanary(work, tripwires.canary.text)
  if (search.found > 0) tripwires?.canary.onSeen()
  await opened.record("sandbox_watch", "sandbox", {
    rounds: summary.rounds,
    processes_most: summary.processesMost,
    unseen: summary.unseen,
    drifts: summary.drifts.length,
    tripwires: tripwires?.touched.length ?? 0,
    tripwires_unclear: tripwires?.unclear ?? 0,
    ...(dials === null ? {} : { dials_no_route: dials.noRoute, dials_failed: dials.failed }),
    ...deniedTries(opened, box),
    same_process: summary.sameProcess,
    searched_bytes: search.bytes,
    search_complete: search.isComplete,
  })
}

type TryFacts = Pick<
  MeasuredFacts<"sandbox_watch">,
  "calls_refused" | "calls_uncounted" | "hidden_opens"
>

/** What was not counted is left out, and is no zero. */
function deniedTries({ terms }: OpenedSession, box: SandboxHandle): TryFacts {
  const tries = box.deniedTries()
  if (tries === null) return { calls_uncounted: "the counter ended before the box" }
  const hidden = tries.opens === null ? {} : { hidden_opens: tries.opens }
  if (tries.calls === null) return { calls_uncounted: noCounting(terms.driver), ...hidden }
  const calls = tries.calls.map(({ call, count, firstMs, lastMs }) => ({
    call,
    count,
    first_ms: firstMs,
    last_ms: lastMs,
  }))
  return { calls_refused: calls, ...hidden }
}

function noCounting(driver: string): string {
  return driver === "bubblewrap"
    ? "this kernel lets nobody listen at the box's filter"
    : `the filter of ${driver}'s boxes answers by itself`
}
