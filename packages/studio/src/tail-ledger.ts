import { setTimeout as later } from "node:timers/promises"
import { type Event, parseEvent, toHex } from "@amc/core"
import type { EventRow, EventStore } from "@amc/ledger"
import { withLedger } from "./ledger-reader.ts"
import type { Workspace } from "./workspace.ts"

/** Which events are told of. */
export interface TailTerms {
  /** So many of the last that there are. */
  readonly last: number
  readonly agent?: string | undefined
  readonly type?: string | undefined
  /** Goes on with what is recorded from now on, until this aborts; ends at the ledger's end without it. */
  readonly until?: AbortSignal | undefined
}

/** An event as the ledger holds it. Nothing about it was verified. */
export interface TailedEvent {
  readonly event_hash: string
  readonly event: Event
}

const pauseMs = 300

/**
 * The last events of a ledger, and then those that come. Nothing is verified, and what an agent wrote is among it.
 *
 * @throws {@link AmcError} `store/unavailable`, `workspace/missing`, `input/malformed` for a stored event that is none
 */
export async function tailLedger(
  workspace: Workspace,
  terms: TailTerms,
  tell: (event: TailedEvent) => void,
): Promise<void> {
  await withLedger(workspace, async ({ events }) => {
    // Before the events: what comes meanwhile is told in its turn.
    const { lane } = workspace
    let next = ((await events.head(lane))?.lseq ?? -1) + 1
    for (const row of await lastRows(events, lane, next, terms)) tell(tailed(row))
    while (terms.until !== undefined && !terms.until.aborted) {
      for await (const row of events.read(lane, next)) {
        next = row.lseq + 1
        if (isMeant(row, terms)) tell(tailed(row))
      }
      await pause(terms.until)
    }
  })
}

/** Reads by an index where there is one, and keeps no more than is told. */
async function lastRows(
  events: EventStore,
  lane: string,
  end: number,
  terms: TailTerms,
): Promise<readonly EventRow[]> {
  let kept: EventRow[] = []
  for await (const row of await rowsOf(events, lane, end, terms)) {
    if (row.lseq >= end) break
    if (isMeant(row, terms)) kept.push(row)
    if (kept.length > 2 * terms.last) kept = kept.slice(-terms.last)
  }
  return terms.last === 0 ? [] : kept.slice(-terms.last)
}

async function rowsOf(
  events: EventStore,
  lane: string,
  end: number,
  { last, agent, type }: TailTerms,
): Promise<AsyncIterable<EventRow>> {
  if (type !== undefined) return events.readType(lane, type)
  if (agent === undefined) return events.read(lane, Math.max(0, end - last))
  const head = (await events.agentHeads(lane)).find((one) => one.agent === agent)
  return events.readAgent(lane, agent, Math.max(0, (head?.aseq ?? -1) + 1 - last))
}

function isMeant(row: EventRow, { agent, type }: TailTerms): boolean {
  return (agent ?? row.agent) === row.agent && (type ?? row.type) === row.type
}

function tailed({ leaf, leafHash }: EventRow): TailedEvent {
  return { event_hash: toHex(leafHash), event: parseEvent(leaf) }
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await later(pauseMs, undefined, { signal })
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error
  }
}
