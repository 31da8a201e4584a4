import {
  type Event,
  eventHash,
  genesisHash,
  isSignedBy,
  parseEvent,
  type PublicKey,
  toHex,
} from "@amc/core"
import type { EventRow, EventStore } from "@amc/ledger"

export interface LaneCheckTerms {
  readonly lane: string
  readonly key: PublicKey
  readonly rootSha256: string
}

/**
 * What is wrong with a lane, in sentences: hashes, signatures, links, numbers, times, columns. A small
 * second opinion for tests; verifiers use the room `verify`.
 */
export async function laneBreaches(store: EventStore, terms: LaneCheckTerms): Promise<string[]> {
  const { lane, key, rootSha256 } = terms
  const breaches: string[] = []
  const links = new Map<string, { seq: number; hash: string }>()
  let ts = 0
  for await (const row of store.read(lane, 0)) {
    const event = parseEvent(row.leaf)
    const say = (holds: boolean, what: string): unknown =>
      holds || breaches.push(`${lane} ${row.lseq}: ${what}`)
    const expect = (name: string): { seq: number; hash: string } =>
      links.get(name) ?? { seq: 0, hash: genesisHash(lane, name, rootSha256) }
    const hash = eventHash(row.leaf)
    say(toHex(row.leafHash) === hash, "another hash")
    say(event.kid === key.kid && isSignedBy(row, key), "not signed by the lane's key")
    say(columnsFit(row, event), "columns do not fit the event")
    say(event.lane === lane && event.ts >= ts, "another lane or a time before")
    say(event.lseq === expect("").seq && event.lprev === expect("").hash, "lane link broken")
    const ofAgent = expect(event.agent)
    say(event.aseq === ofAgent.seq && event.aprev === ofAgent.hash, "agent link broken")
    ts = event.ts
    links.set("", { seq: event.lseq + 1, hash })
    links.set(event.agent, { seq: event.aseq + 1, hash })
  }
  return breaches
}

function columnsFit(row: EventRow, event: Event): boolean {
  const names = ["lseq", "agent", "aseq", "session", "type", "ts", "id"] as const
  return names.every((name) => row[name] === event[name])
}
