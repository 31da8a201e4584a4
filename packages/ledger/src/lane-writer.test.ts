import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  type Event,
  AmcError,
  type Observation,
  openReceipt,
  parseEvent,
  type Recorded,
  rootOf,
  sha256Hex,
} from "@amc/core"
import {
  failingStore,
  fakeClock,
  type FailurePlan,
  MemoryBlobStore,
  MemoryEventStore,
  sampleAudit,
  sampleRequest,
  sampleResponse,
  sampleSession,
} from "@amc/testkit"
import * as fc from "fast-check"
import { expect, onTestFinished, test } from "vitest"
import type { EventStore } from "./event-store.ts"
import { openSession, sealOf, sealSession } from "./sessions.ts"
import { lane, openWriting, origin, recordAll, signer } from "./writing.fixture.ts"

const s1 = { agent: "coder", session: "s1" }
const call = { ...s1, callId: "c1" }
const sealTerms = { reason: "exited", posture: "measured", hardened: true } as const

async function eventsOf(store: EventStore): Promise<Event[]> {
  const events = []
  for await (const { leaf } of store.read(lane, 0)) events.push(parseEvent(leaf))
  return events
}

const step = fc.record({
  kind: fc.constantFrom("open", "request", "response", "audit", "seal", "bad", "restart", "clock"),
  agent: fc.constantFrom("coder", "tester"),
  session: fc.constantFrom("s1", "s2", "s3"),
  together: fc.boolean(),
  body: fc.string({ maxLength: 60, unit: "grapheme" }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function observationOf({ kind, agent, session, body }: Step): Observation {
  const call = { agent, session, callId: body.slice(0, 9) || "c", body, receipt: true }
  const open = { measured: sampleSession, reported: {} }
  if (kind === "open")
    return { type: "session_open", channel: "session", agent, session, facts: open }
  if (kind === "request") return sampleRequest(call)
  if (kind === "response") return sampleResponse(call, "ab".repeat(32))
  if (kind === "seal") return sealOf({ agent, session }, sealTerms, "session")
  if (kind === "bad")
    return { ...sampleAudit(body), facts: { measured: { code: "NO_SUCH" } } } as never
  return sampleAudit(body)
}

function isMissingEnd({ type, channel }: Event): boolean {
  return type === "llm_response" && channel === "recorder"
}

test("any sequence of observations, restarts and bad clocks gives a chain that verifies", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let writing = await openWriting()
      const waiting: Promise<PromiseSettledResult<Recorded>[]>[] = []
      for (const one of steps) {
        if (one.kind === "clock") writing.clock.advance(one.together ? 1000 : -1000)
        if (one.kind === "restart") {
          await writing.writer.close()
          writing = await openWriting({ ...writing })
        }
        waiting.push(recordAll(writing.writer, [observationOf(one)]))
        if (!one.together) await writing.writer.flush()
      }
      const outcomes = (await Promise.all(waiting)).flat()
      const recorded = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []))
      expect(await writing.breaches()).toEqual([])
      // The only events that nobody asked for are the ends that a seal found missing.
      const ends = (await eventsOf(writing.store)).filter(isMissingEnd)
      const places = recorded.map(({ lseq }) => lseq)
      const all = [...places, ...ends.map(({ lseq }) => lseq)].toSorted((a, b) => a - b)
      expect(places).toEqual(places.toSorted((a, b) => a - b))
      expect(all).toEqual(all.map((_, at) => at))
      for (const { event_hash, lseq } of recorded)
        expect(await writing.store.findEvent(event_hash)).toMatchObject({ row: { lseq } })
      const { size, root } = writing.writer.checkpoint()
      const hashes = []
      for await (const hash of writing.store.leafHashes(lane, 0)) hashes.push(hash)
      expect([size, root]).toEqual([hashes.length, rootOf(hashes)])
    }),
    { numRuns: 60 },
  )
})

test("writes what queued while a group was written as one group", async () => {
  const groups: number[] = []
  const memory = new MemoryEventStore()
  const { writer } = await openWriting({
    store: new Proxy(memory, {
      get: (store, name) =>
        name !== "append"
          ? (Reflect.get(store, name) as () => unknown).bind(store)
          : (...terms: Parameters<EventStore["append"]>) => {
              groups.push(terms[2].length)
              if (groups.length === 1)
                for (let n = 0; n < 5; n++) void writer.record(sampleAudit("later"))
              return store.append(...terms)
            },
    }),
  })
  await Promise.all([writer.record(sampleAudit("1")), writer.record(sampleAudit("2"))])
  await writer.flush()
  expect(groups).toEqual([2, 5])
})

test("mints a receipt that names the event, its place and the body that was delivered", async () => {
  const { writer } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const recorded = await writer.record(sampleRequest({ ...call, body: "hello", receipt: true }))
  const receipt = openReceipt(recorded.receipt ?? "", new Map([[signer.key.kid, signer.key]]))
  const { event_hash, lseq, ts } = recorded
  expect(receipt).toMatchObject({ ...s1, lane, origin, event_hash, lseq, ts, kind: "llm_request" })
  expect(receipt.body_sha256).toBe(sha256Hex(Buffer.from("hello")))
  expect(receipt.kid).toBe(signer.key.kid)
})

test("G2 the events of one group and their receipts share one signature, and each receipt is of its own event", async () => {
  const { writer, store } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const calls = Array.from({ length: 5 }, (_, at) => ({ ...call, callId: `c${at}` }))
  const recorded = await Promise.all([
    ...calls.map((one) =>
      writer.record(sampleRequest({ ...one, body: one.callId, receipt: true })),
    ),
    writer.record(sampleAudit("has no receipt")),
  ])
  expect(recorded.at(-1)?.receipt).toBeNull()
  const keys = new Map([[signer.key.kid, signer.key]])
  for (const [at, { callId }] of calls.entries()) {
    const { event_hash, lseq, receipt } = recorded[at]!
    const body_sha256 = sha256Hex(Buffer.from(callId))
    expect(openReceipt(receipt ?? "", keys)).toMatchObject({ event_hash, lseq, body_sha256 })
    const [, index, size] = (receipt ?? "").split(".")
    expect([index, size].map(Number)).toEqual([
      recorded.length + at,
      recorded.length + calls.length,
    ])
  }
  const values = new Set<string | undefined>()
  for await (const { signature } of store.read(lane, 1)) values.add(signature.split(" ")[2])
  expect(values.size).toBe(1)
})

const request = sampleRequest({ ...call, receipt: true })

test.each([
  { why: "facts of another shape", bad: { ...sampleAudit(""), facts: {} } },
  { why: "an unknown type", bad: { ...sampleAudit(""), type: "rumour" } },
  { why: "an agent with a capital", bad: { ...sampleAudit(""), agent: "Coder" } },
  { why: "a lone surrogate", bad: sampleAudit("\ud800") },
  {
    why: "a receipt of another kind",
    bad: { ...request, receipt: { ...request.receipt, kind: "llm_response" } },
  },
  {
    why: "a receipt for a model with a lone surrogate",
    bad: { ...request, receipt: { ...request.receipt, model: "\ud800" } },
  },
  { why: "a receipt without a payload", bad: { ...request, payload: undefined } },
  { why: "a call without a session", bad: { ...sampleRequest(call), session: null } },
  { why: "a session of another agent", bad: { ...sampleRequest(call), agent: "tester" } },
  {
    why: "an open session opened again",
    bad: { ...request, type: "session_open", payload: undefined, receipt: undefined },
  },
])("refuses $why alone, and goes on in the same group", async ({ bad }) => {
  const { writer, breaches } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const [before, refused, after] = await recordAll(writer, [
    sampleAudit("a"),
    bad as Observation,
    sampleAudit("b"),
  ])
  expect(before).toMatchObject({ status: "fulfilled", value: { lseq: 1 } })
  expect(refused).toMatchObject({ status: "rejected", reason: { code: "input/malformed" } })
  expect(after).toMatchObject({ status: "fulfilled", value: { lseq: 2 } })
  expect(await breaches()).toEqual([])
})

test("seals what the session holds at the seal's place in the order", async () => {
  const { writer, store } = await openWriting()
  await openSession(writer, { agent: "coder", session: "s0" }, sampleSession)
  const [, , sample] = await recordAll(writer, [
    sampleAudit("other"),
    {
      type: "session_open",
      channel: "session",
      ...s1,
      facts: { measured: sampleSession, reported: {} },
    },
    sampleResponse(call, "ab".repeat(32)),
    sampleRequest({ ...call, session: "s0" }),
    sealOf(s1, sealTerms, "session"),
  ])
  const last = (sample as PromiseFulfilledResult<Recorded>).value
  expect((await eventsOf(store)).at(-1)).toMatchObject({
    type: "session_seal",
    aseq: 4,
    facts: {
      measured: {
        first_aseq: 1,
        last_aseq: 2,
        events: 2,
        last_event_hash: last.event_hash,
        ...sealTerms,
      },
    },
  })
})

test("refuses a session's events before its opening and after its seal, also in the same group and after a restart", async () => {
  const writing = await openWriting()
  const early = writing.writer.record(sampleRequest(call))
  await expect(early).rejects.toMatchObject({ code: "ledger/closed" })
  await openSession(writing.writer, s1, sampleSession)
  const [sealed, late] = await recordAll(writing.writer, [
    sealOf(s1, sealTerms, "session"),
    sampleRequest(call),
  ])
  expect(sealed).toMatchObject({ status: "fulfilled" })
  expect(late).toMatchObject({ reason: { code: "ledger/closed" } })
  const { writer } = await openWriting({ ...writing })
  await expect(writer.record(sampleRequest(call))).rejects.toMatchObject({ code: "ledger/closed" })
  await expect(sealSession(writer, s1, sealTerms)).rejects.toMatchObject({ code: "ledger/closed" })
  await expect(openSession(writer, s1, sampleSession)).rejects.toMatchObject({
    code: "ledger/closed",
  })
})

test("a payload that is stored as it was delivered has one digest", async () => {
  const { writer, blobs, store } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const request = sampleRequest({ ...call, body: "as it came" })
  await writer.record({ ...request, payload: { ...request.payload!, isAsDelivered: true } })
  const sha256 = sha256Hex(Buffer.from("as it came"))
  const [, event] = await eventsOf(store)
  expect(event?.payload).toMatchObject({ blob_sha256: sha256, sha256 })
  expect(await blobs.get(sha256)).toEqual(Uint8Array.from(Buffer.from("as it came")))
})

test("keeps small payloads with the event and takes over spooled files", async () => {
  const dir = mkdtempSync(join(tmpdir(), "amc-spool-"))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, "body"), "redacted")
  const { writer, blobs, store } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const spooled = {
    sha256: "cd".repeat(32),
    size: 9,
    media: "text/plain",
    blob: { path: join(dir, "body") },
  }
  await writer.record({ ...sampleRequest(call), payload: spooled })
  await writer.record(sampleRequest({ ...call, callId: "c2", body: "small" }))
  await writer.record({ ...sampleRequest(call), payload: { ...spooled, blob: null } })
  const payloads = (await eventsOf(store)).slice(1).map(({ payload }) => payload)
  const redacted = sha256Hex(Buffer.from("redacted"))
  expect(payloads.map((one) => one?.blob_sha256)).toEqual([
    redacted,
    sha256Hex(Buffer.from("small")),
    null,
  ])
  expect(payloads.map((one) => one?.sha256)[0]).toBe("cd".repeat(32))
  expect(await blobs.has(redacted)).toBe(true)
  expect(await blobs.has(sha256Hex(Buffer.from("small")))).toBe(true)
})

test("refuses an observation whose spooled file is gone, and no other", async () => {
  const { writer, breaches } = await openWriting({ blobs: new FaultyBlobs() })
  await openSession(writer, s1, sampleSession)
  const gone = { sha256: "cd".repeat(32), size: 9, media: "text/plain", blob: { path: "/nowhere" } }
  const [lost, kept] = await recordAll(writer, [
    { ...sampleRequest(call), payload: gone },
    sampleAudit("x"),
  ])
  expect(lost).toMatchObject({ reason: { code: "store/unavailable" } })
  expect(kept).toMatchObject({ value: { lseq: 1 } })
  expect(await breaches()).toEqual([])
})

class FaultyBlobs extends MemoryBlobStore {
  override adopt(): Promise<string> {
    return Promise.reject(new AmcError("store/unavailable", "no such file"))
  }
}

test("L18 never lets time go back, and says so when the clock was set back", async () => {
  const { writer, store, clock, breaches } = await openWriting()
  await writer.record(sampleAudit("now"))
  clock.advance(-1000)
  await writer.record(sampleAudit("a second before"))
  clock.advance(-600_000)
  await writer.record(sampleAudit("ten minutes before"))
  await writer.record(sampleAudit("still before"))
  const events = await eventsOf(store)
  expect(events.map(({ type }) => type)).toEqual(["audit", "audit", "gap", "audit", "audit"])
  expect(new Set(events.map(({ ts }) => ts)).size).toBe(1)
  expect(events[2]).toMatchObject({
    agent: "_system",
    facts: { measured: { reason: "clock-step" } },
  })
  expect(await breaches()).toEqual([])
})

const typesOf = async (store: EventStore): Promise<string[]> =>
  (await eventsOf(store)).map(({ type }) => type)

test.each([
  { why: "forward", step: 301_000, isTold: true },
  { why: "forward by less than five minutes", step: 299_000, isTold: false },
  { why: "back, and not behind the last event", step: -301_000, isTold: true },
  { why: "back by less than five minutes", step: -299_000, isTold: false },
])("L18 a clock that is set $why: said $isTold, once", async ({ step, isTold }) => {
  const [clock, upClock] = [fakeClock(), fakeClock(5000)]
  const passes = (ms: number): void => [clock, upClock].forEach((each) => each.advance(ms))
  const { writer, store, breaches } = await openWriting({ clock, upClock })
  await openSession(writer, s1, sampleSession)
  const { event_hash } = await writer.record(sampleRequest(call))
  passes(3_600_000)
  clock.advance(step)
  await writer.record(sampleResponse(call, event_hash))
  passes(3_600_000)
  await sealSession(writer, s1, sealTerms)
  const middle = isTold ? ["gap", "llm_response"] : ["llm_response"]
  expect(await typesOf(store)).toEqual(["session_open", "llm_request", ...middle, "session_seal"])
  const gap = (await eventsOf(store)).find(({ type }) => type === "gap")
  const counts = { reason: "clock-step", open_sessions: 1, open_calls: 1 }
  if (isTold) expect(gap).toMatchObject({ facts: { measured: counts } })
  expect(await breaches()).toEqual([])
})

test("L18 many small steps of the clock are one that is large", async () => {
  const [clock, upClock] = [fakeClock(), fakeClock(5000)]
  const { writer, store } = await openWriting({ clock, upClock })
  for (let n = 0; n < 4; n++) {
    await writer.record(sampleAudit(`${n}`))
    clock.advance(120_000)
  }
  expect(await typesOf(store)).toEqual(["audit", "audit", "audit", "gap", "audit"])
})

test("L18 a step of the clock is said again if the ledger could not be written", async () => {
  const [clock, upClock] = [fakeClock(), fakeClock(5000)]
  const memory = new MemoryEventStore()
  const store = failingStore(memory, { failsBefore: (nth) => nth === 1 })
  const { writer } = await openWriting({ store, clock, upClock })
  await writer.record(sampleAudit("a"))
  clock.advance(600_000)
  await expect(writer.record(sampleAudit("lost"))).rejects.toMatchObject({
    code: "store/unavailable",
  })
  await writer.record(sampleAudit("b"))
  await writer.record(sampleAudit("c"))
  expect(await typesOf(memory)).toEqual(["audit", "gap", "audit", "audit"])
})

test.each([
  { why: "too many wait", limits: { observations: 2, bytes: 1e6 } },
  { why: "too many bytes wait", limits: { observations: 99, bytes: 100 } },
])("refuses more when $why, and takes more when they are written", async ({ limits }) => {
  const { writer } = await openWriting({ limits })
  await openSession(writer, s1, sampleSession)
  const bulky = sampleRequest({ ...call, body: "x".repeat(50) })
  const outcomes = await recordAll(writer, [bulky, bulky, bulky])
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"])
  expect(outcomes[2]).toMatchObject({ reason: { code: "ledger/busy" } })
  await expect(writer.record(bulky)).resolves.toMatchObject({ lseq: 3 })
})

interface Fault {
  readonly why: string
  readonly plan: FailurePlan
  readonly stored: string[]
}

test.each<Fault>([
  { why: "before it is written", plan: { failsBefore: (nth) => nth === 1 }, stored: ["a", "d"] },
  {
    why: "after it is written",
    plan: { failsAfter: (nth) => nth === 1 },
    stored: ["a", "b", "c", "d"],
  },
  {
    why: "before, and the next one too",
    plan: { failsBefore: (nth) => nth === 1 || nth === 2 },
    stored: ["a", "e"],
  },
  {
    why: "after, and the next one before",
    plan: { failsAfter: (nth) => nth === 1, failsBefore: (nth) => nth === 2 },
    stored: ["a", "b", "c", "e"],
  },
])("L24 fails exactly the group whose append fails $why", async ({ plan, stored }) => {
  const memory = new MemoryEventStore()
  const { writer, breaches } = await openWriting({ store: failingStore(memory, plan) })
  await writer.record(sampleAudit("a"))
  const failed = await recordAll(writer, [sampleAudit("b"), sampleAudit("c")])
  expect(failed).toMatchObject([
    { reason: { code: "store/unavailable" } },
    { reason: { code: "store/unavailable" } },
  ])
  await recordAll(writer, [sampleAudit("d")])
  await recordAll(writer, [sampleAudit("e")].slice(0, stored.includes("e") ? 1 : 0))
  const details = (await eventsOf(memory)).map(
    (event) => event.type === "audit" && event.facts.measured.detail,
  )
  expect(details).toEqual(stored)
  expect(writer.checkpoint().size).toBe(stored.length)
  expect(await breaches()).toEqual([])
})

test("forgets the seal of a group that failed", async () => {
  const store = failingStore(new MemoryEventStore(), { failsBefore: (nth) => nth === 1 })
  const { writer } = await openWriting({ store })
  await openSession(writer, s1, sampleSession)
  await expect(sealSession(writer, s1, sealTerms)).rejects.toMatchObject({
    code: "store/unavailable",
  })
  await expect(writer.record(sampleRequest(call))).resolves.toMatchObject({ lseq: 1 })
})

test("does not go on when the store lost what was acknowledged", async () => {
  let current: EventStore = new MemoryEventStore()
  const store = new Proxy({} as EventStore, {
    get: (_, name) => (Reflect.get(current, name) as () => unknown).bind(current),
  })
  const { writer } = await openWriting({ store })
  await writer.record(sampleAudit("a"))
  current = new MemoryEventStore()
  await expect(writer.record(sampleAudit("b"))).rejects.toMatchObject({ code: "store/conflict" })
  await expect(writer.record(sampleAudit("c"))).rejects.toMatchObject({ code: "store/conflict" })
  expect(await current.head(lane)).toBeNull()
})

test("refuses to open a lane whose last event was changed", async () => {
  const writing = await openWriting()
  await writing.writer.record(sampleAudit("a"))
  const { store } = writing
  const lying = new Proxy(store, {
    get: (_, name) => {
      if (name !== "read") return (Reflect.get(store, name) as () => unknown).bind(store)
      return async function* read() {
        for await (const row of store.read(lane, 0))
          yield { ...row, leaf: row.leaf.map((byte, at) => (at === 300 ? byte ^ 1 : byte)) }
      }
    },
  })
  await expect(openWriting({ store: lying })).rejects.toMatchObject({ code: "store/damaged" })
})

test("writes what is queued when it is closed, and nothing after", async () => {
  const { writer, store } = await openWriting()
  const last = writer.record(sampleAudit("last"))
  await writer.close()
  await expect(writer.record(sampleAudit("after"))).rejects.toMatchObject({ code: "ledger/closed" })
  await expect(last).resolves.toMatchObject({ lseq: 0 })
  expect(await store.head(lane)).toMatchObject({ lseq: 0 })
})

test("says where the chains end", async () => {
  const { writer } = await openWriting()
  expect(await writer.heads()).toEqual({ lane: null, agents: [] })
  await openSession(writer, s1, sampleSession)
  const { event_hash, ts } = await writer.record(sampleAudit("a"))
  const heads = await writer.heads()
  expect(heads.lane).toEqual({ lseq: 1, event_hash, ts })
  expect(heads.agents.map(({ agent, aseq }) => [agent, aseq])).toEqual([
    ["_system", 0],
    ["coder", 0],
  ])
})
