import { join } from "node:path"
import {
  type Event,
  type EventBody,
  type FactType,
  parseEvent,
  type SignedLeaf,
  toHex,
} from "@amc/core"
import { openLedger } from "@amc/store-sqlite"

/** An event as the ledger holds it. */
export interface StoredEvent extends SignedLeaf {
  readonly hash: string
  readonly event: Event
}

/** All events of a workspace's one lane, in order. */
export async function eventsOf(dir: string): Promise<readonly StoredEvent[]> {
  const ledger = openLedger(join(dir, "ledger"), { readOnly: true })
  try {
    const events: StoredEvent[] = []
    for await (const { leaf, leafHash, signature } of ledger.events.read("main", 0))
      events.push({ hash: toHex(leafHash), leaf, signature, event: parseEvent(leaf) })
    return events
  } finally {
    await ledger.close()
  }
}

/** The measured facts of all events of a type, of one agent where it is named. */
export function measuredOf<T extends FactType>(
  events: readonly StoredEvent[],
  type: T,
  agent?: string,
): readonly EventBody<T>["facts"]["measured"][] {
  const found = events.filter(
    ({ event }) => event.type === type && (agent === undefined || event.agent === agent),
  )
  return found.map(({ event }) => event.facts.measured as EventBody<T>["facts"]["measured"])
}

type ConnectionOf<T extends "network_connect" | "network_traffic"> =
  EventBody<T>["facts"]["measured"]["connections"][number]

/** The connections that an agent opened, or what was said of them later, whichever of them share an event. */
export function connectionsOf<T extends "network_connect" | "network_traffic">(
  events: readonly StoredEvent[],
  type: T,
  agent: string,
): readonly ConnectionOf<T>[] {
  return measuredOf(events, type, agent).flatMap(
    ({ connections }) => connections as readonly ConnectionOf<T>[],
  )
}
