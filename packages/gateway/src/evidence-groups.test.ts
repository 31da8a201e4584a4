import { AmcError, connectionsMax, type Recorded } from "@amc/core"
import { expect, test } from "vitest"
import { EvidenceGroups, type Origin } from "./evidence-groups.ts"

const origin: Origin = { channel: "gateway:loopback", agent: "a", session: "s-1" }
const other: Origin = { ...origin, session: "s-2" }

/** Groups as they were written, each until it is let go. */
function slowGroups(): {
  readonly groups: EvidenceGroups<number>
  readonly written: (readonly [string | null, readonly number[]])[]
  next(fault?: AmcError): Promise<void>
} {
  const written: (readonly [string | null, readonly number[]])[] = []
  const waiting: PromiseWithResolvers<Recorded>[] = []
  const groups = new EvidenceGroups<number>(({ session }, group) => {
    written.push([session, group])
    waiting.push(Promise.withResolvers<Recorded>())
    return (waiting.at(-1) as PromiseWithResolvers<Recorded>).promise
  })
  const next = async (fault?: AmcError): Promise<void> => {
    while (waiting.length === 0) await new Promise(setImmediate)
    const place = { lane: "main", lseq: written.length, aseq: 0, ts: 0, receipt: null }
    const one = waiting.shift()
    if (fault === undefined) one?.resolve({ event_hash: "ab".repeat(32), ...place })
    else one?.reject(fault)
    await new Promise(setImmediate)
  }
  return { groups, written, next }
}

test("what comes while an event is written is one event of the next, in order (G3)", async () => {
  const { groups, written, next } = slowGroups()
  const first = groups.record(origin, 1)
  while (written.length === 0) await new Promise(setImmediate)
  const later = [2, 3, 4].map((one) => groups.record(origin, one))
  await next()
  expect((await first).lseq).toBe(1)
  await next()
  expect((await Promise.all(later)).map(({ lseq }) => lseq)).toEqual([2, 2, 2])
  expect(written).toEqual([
    ["s-1", [1]],
    ["s-1", [2, 3, 4]],
  ])
})

test("sessions share no event, and one has so many connections at most (G3)", async () => {
  const { groups, written, next } = slowGroups()
  const all = Array.from({ length: connectionsMax + 1 }, (_, at) => groups.record(origin, at))
  all.push(groups.record(other, 0))
  for (let n = 0; n < 3; n++) await next()
  await Promise.all(all)
  expect(written.map(([session, group]) => [session, group.length])).toEqual([
    ["s-1", connectionsMax],
    ["s-1", 1],
    ["s-2", 1],
  ])
})

test("what can't be written is refused for all of its event, and for no other (G3)", async () => {
  const { groups, next } = slowGroups()
  const lost = [1, 2].map((one) => groups.record(origin, one))
  const kept = groups.record(other, 3)
  const full = new AmcError("store/unavailable", "the disk is full")
  const refused = Promise.allSettled(lost)
  await next(full)
  await next()
  expect((await refused).map(({ status }) => status)).toEqual(["rejected", "rejected"])
  expect((await kept).lane).toBe("main")
  const after = groups.record(origin, 4)
  await next()
  await after
})
