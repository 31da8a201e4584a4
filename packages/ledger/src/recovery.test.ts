import { parseEvent } from "@amc/core"
import {
  failingStore,
  MemoryEventStore,
  sampleAudit,
  sampleConnect,
  sampleProbe,
  sampleRequest,
  sampleResponse,
  sampleSession,
  sampleTraffic,
} from "@amc/testkit"
import { expect, test } from "vitest"
import type { EventStore } from "./event-store.ts"
import { recoverLane } from "./recovery.ts"
import { openSession, sealSession } from "./sessions.ts"
import { lane, openWriting, type Writing } from "./writing.fixture.ts"

const s1 = { agent: "coder", session: "s1" }
const s2 = { agent: "tester", session: "s2" }

async function crashed(): Promise<Writing> {
  const writing = await openWriting()
  const { writer } = writing
  await openSession(writer, { agent: "coder", session: "s0" }, sampleSession)
  await sealSession(
    writer,
    { agent: "coder", session: "s0" },
    { reason: "exited", posture: "measured", hardened: true },
  )
  await openSession(writer, s1, sampleSession)
  await openSession(writer, s2, sampleSession)
  const { event_hash } = await writer.record(sampleRequest({ ...s1, callId: "answered" }))
  await writer.record(sampleResponse({ ...s1, callId: "answered" }, event_hash))
  await writer.record(sampleRequest({ ...s1, callId: "open-1" }))
  await writer.record(sampleRequest({ ...s2, callId: "open-2" }))
  return writing
}

async function tail(store: EventStore, from: number): Promise<unknown[]> {
  const events = []
  for await (const { leaf } of store.read(lane, from)) {
    const { type, agent, session, channel, facts } = parseEvent(leaf)
    events.push({ type, agent, session, channel, facts })
  }
  return events
}

test.each([
  { why: "a probe that held", outcome: "denied", posture: "measured" },
  { why: "a probe that did not hold", outcome: "reached", posture: "shared" },
] as const)("seals a session with $why as $posture", async ({ outcome, posture }) => {
  const { writer, ...rest } = await openWriting()
  await openSession(writer, s1, sampleSession)
  const checks = sampleProbe.checks.map((check) =>
    check.id === "file.vault" ? { ...check, outcome } : check,
  )
  const measured = {
    ...sampleProbe,
    checks,
    inside: { ...sampleProbe.inside },
    outside: { ...sampleProbe.outside },
  }
  await writer.record({
    type: "sandbox_probe",
    channel: "sandbox",
    ...s1,
    facts: { measured, reported: {} },
  })
  const reopened = await openWriting({ ...rest })
  await recoverLane(reopened.writer)
  expect((await tail(reopened.store, 3)).at(-1)).toMatchObject({
    type: "session_seal",
    facts: { measured: { reason: "recovered", posture, hardened: false } },
  })
})

test("closes open calls, then says so, then seals open sessions", async () => {
  const before = await crashed()
  const { writer, breaches, store } = await openWriting({ ...before })
  const recorded = await recoverLane(writer)
  const crash = { status: 0, from_upstream: false, completeness: "crashed" }
  const seal = { reason: "recovered", posture: "shared", hardened: false }
  expect(await tail(store, 8)).toMatchObject([
    { type: "llm_response", ...s1, facts: { measured: { call_id: "open-1", ...crash } } },
    { type: "llm_response", ...s2, facts: { measured: { call_id: "open-2", ...crash } } },
    {
      type: "gap",
      agent: "_system",
      session: null,
      facts: { measured: { reason: "crash", open_calls: 2, open_sessions: 2 } },
    },
    {
      type: "session_seal",
      ...s1,
      facts: { measured: { ...seal, events: 5, first_aseq: 2, last_aseq: 6 } },
    },
    {
      type: "session_seal",
      ...s2,
      facts: { measured: { ...seal, events: 3, first_aseq: 0, last_aseq: 2 } },
    },
  ])
  expect(recorded).toHaveLength(5)
  expect(await breaches()).toEqual([])
})

test("does nothing when nothing is open, so that it can be run again", async () => {
  const before = await crashed()
  await recoverLane((await openWriting({ ...before })).writer)
  const again = await openWriting({ ...before })
  expect(await recoverLane(again.writer)).toEqual([])
  expect(again.writer.openSessions()).toEqual([])
})

test.each(["failsBefore", "failsAfter"] as const)(
  "starts over when it was cut off and the store %s",
  async (fault) => {
    const before = await crashed()
    const store = failingStore(before.store, { [fault]: () => true })
    const cutOff = await openWriting({ ...before, store })
    await expect(recoverLane(cutOff.writer)).rejects.toMatchObject({ code: "store/unavailable" })
    const { writer, breaches } = await openWriting({ ...before })
    await recoverLane(writer)
    expect(writer.openSessions()).toEqual([])
    expect((await tail(before.store, 8)).map((one) => (one as { type: string }).type)).toEqual([
      "llm_response",
      "llm_response",
      "gap",
      "session_seal",
      "session_seal",
    ])
    expect(await breaches()).toEqual([])
  },
)

test("closes connections that were open, with the last count of each (G3)", async () => {
  const before = await openWriting()
  const { writer } = before
  await openSession(writer, s1, sampleSession)
  const connect = async <T extends string>(...ids: readonly T[]) => {
    const { event_hash: hash } = await writer.record(sampleConnect(s1, ...ids))
    return ids.map((id) => ({ connection_id: id, connect_event_hash: hash }))
  }
  const [ended, counted, late] = await connect("c1", "c2", "c3")
  const [fresh] = await connect("c4")
  if (ended === undefined || counted === undefined || late === undefined) throw new Error("few")
  const count = { ...counted, completeness: "open", bytes_sent: 7 } as const
  await writer.record(sampleTraffic(s1, count, ended))
  await writer.record(sampleTraffic(s1, late))
  const reopened = await openWriting({ ...before })
  await recoverLane(reopened.writer)
  const crashed = { completeness: "crashed", status: 0 }
  const connections = [
    { ...counted, ...crashed, bytes_sent: 7, bytes_received: 4096 },
    { ...fresh, ...crashed, bytes_sent: 0 },
  ]
  expect(await tail(before.store, 5)).toMatchObject([
    { type: "network_traffic", channel: "recorder", ...s1, facts: { measured: { connections } } },
    { type: "gap", facts: { measured: { reason: "crash", open_calls: 0, open_sessions: 1 } } },
    { type: "session_seal", facts: { measured: { reason: "recovered" } } },
  ])
  expect(await reopened.breaches()).toEqual([])
})

test("a seal closes the calls and connections whose ends could not be written (full disk)", async () => {
  const { writer, store, breaches } = await openWriting()
  for (const one of [s1, s2]) await openSession(writer, one, sampleSession)
  await writer.record(sampleRequest({ ...s1, callId: "lost" }))
  await writer.record(sampleRequest({ ...s2, callId: "under-way" }))
  await writer.record(sampleConnect(s1, "c1"))
  const terms = { reason: "idle", posture: "shared", hardened: false } as const
  const { lseq } = await sealSession(writer, s1, terms)
  expect(lseq).toBe(7)
  expect(await tail(store, 5)).toMatchObject([
    { type: "llm_response", ...s1, facts: { measured: { completeness: "crashed" } } },
    {
      type: "network_traffic",
      ...s1,
      facts: { measured: { connections: [{ completeness: "crashed" }] } },
    },
    { type: "session_seal", ...s1, facts: { measured: { reason: "idle", events: 5 } } },
  ])
  expect(writer.openSessions()).toMatchObject([{ ...s2, calls: [{ call_id: "under-way" }] }])
  expect(await breaches()).toEqual([])
})

test("a connection belongs to a session", async () => {
  const { writer } = await openWriting()
  await expect(writer.record({ ...sampleConnect(s1, "c1"), session: null })).rejects.toMatchObject({
    code: "input/malformed",
  })
})

test("closes more sessions than fit in one group", async () => {
  const before = await openWriting()
  for (let n = 0; n < 150; n++)
    await openSession(before.writer, { agent: "coder", session: `s${n}` }, sampleSession)
  const { writer, breaches } = await openWriting({ ...before })
  expect(await recoverLane(writer)).toHaveLength(151)
  expect(await breaches()).toEqual([])
  await expect(writer.record(sampleAudit("next"))).resolves.toMatchObject({ lseq: 301 })
})

test("an empty lane has nothing to recover", async () => {
  const { writer } = await openWriting({ store: new MemoryEventStore() })
  expect(await recoverLane(writer)).toEqual([])
})
