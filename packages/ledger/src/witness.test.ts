import {
  encodeAddCheckpoint,
  encodeCheckpoint,
  keyId,
  openCosignatures,
  openNote,
  parseNote,
  rootOf,
  signatureLine,
  signNote,
  utf8,
} from "@amc/core"
import { MemoryWitnessStore, seededSigner } from "@amc/testkit"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { log, LogFixture, makeWitness, origin, startMs, verifier } from "./witness.fixture.ts"
import type { WitnessedCheckpoint } from "./witness-store.ts"

const honest = new LogFixture(20)

test("cosigns the first checkpoint of a log, and each that extends the one before", async () => {
  const { ask, clock } = makeWitness()
  for (const [oldSize, size] of [
    [0, 3],
    [3, 7],
    [7, 8],
    [8, 20],
  ] as const) {
    clock.advance(1000)
    const answer = await ask(honest.request(oldSize, size))
    expect(answer.status).toBe(200)
    const note = honest.note(size) + answer.body
    expect(openCosignatures(note, [verifier])).toEqual([
      { name: verifier.name, time: clock() / 1000 },
    ])
    expect(openNote(note, [log]).text).toBe(parseNote(honest.note(size)).text)
  }
})

test("cosigns the same checkpoint again, with the time of now", async () => {
  const { ask, clock } = makeWitness()
  await ask(honest.request(0, 7))
  clock.advance(3_600_000)
  const { status, body } = await ask(honest.request(7, 7))
  expect(status).toBe(200)
  const [found] = openCosignatures(honest.note(7) + body, [verifier])
  expect(found?.time).toBe(startMs / 1000 + 3600)
})

test("an empty log is one to start from", async () => {
  const { ask } = makeWitness()
  expect((await ask(honest.request(0, 0))).status).toBe(200)
  expect((await ask(honest.request(0, 0))).status).toBe(200)
  expect((await ask(honest.request(0, 5))).status).toBe(200)
})

test("tells its size to one who starts from another, older or newer", async () => {
  const { ask } = makeWitness()
  const told = { status: 409, contentType: "text/x.tlog.size" }
  expect(await ask(honest.request(3, 7))).toEqual({ ...told, body: "0\n" })
  await ask(honest.request(0, 7))
  for (const oldSize of [0, 3, 8])
    expect(await ask(honest.request(oldSize, 9))).toEqual({ ...told, body: "7\n" })
  expect((await ask(honest.request(7, 9))).status).toBe(200)
})

test("a split view of one size is refused, and both notes are kept as proof (L11)", async () => {
  const { ask, store } = makeWitness()
  const fork = new LogFixture(7, "fork", 4)
  await ask(honest.request(0, 7))
  expect((await ask(fork.request(7, 7))).status).toBe(422)
  // Also where the size that it starts from is refused before anything else is looked at.
  const other = new LogFixture(7, "other", 4)
  expect((await ask(other.request(0, 7))).status).toBe(409)
  expect(await store.contradictions(origin)).toEqual(
    [fork, other].map((each) => ({
      origin,
      kind: "fork",
      kept: honest.note(7),
      sent: each.note(7),
      atMs: startMs,
    })),
  )
  for (const { kept, sent } of await store.contradictions(origin))
    for (const note of [kept, sent]) expect(openNote(note, [log]).signedBy).toEqual([origin])
  expect((await ask(honest.request(7, 9))).status).toBe(200)
})

test("a split view of another size has no proof that holds (L12)", async () => {
  const { ask, store } = makeWitness()
  const fork = new LogFixture(12, "fork", 4)
  await ask(honest.request(0, 7))
  expect((await ask(fork.request(7, 12))).status).toBe(422)
  const path = honest.path(7, 12)
  const borrowed = encodeAddCheckpoint({ oldSize: 7, path, note: fork.note(12) })
  expect((await ask(borrowed)).status).toBe(422)
  expect(await store.contradictions(origin)).toMatchObject([
    { kind: "inconsistent", kept: honest.note(7), sent: fork.note(12) },
  ])
  expect((await store.latest(origin))?.size).toBe(7)
})

test.each([
  { why: "is cut short", change: (path: Uint8Array[]) => path.slice(1) },
  { why: "has more than it needs", change: (path: Uint8Array[]) => [...path, path[0]!] },
  { why: "is turned round", change: (path: Uint8Array[]) => path.toReversed() },
  { why: "is empty", change: () => [] },
])("a proof that $why is refused", async ({ change }) => {
  const { ask } = makeWitness()
  await ask(honest.request(0, 7))
  const path = change(honest.path(7, 20))
  const body = encodeAddCheckpoint({ oldSize: 7, path, note: honest.note(20) })
  expect((await ask(body)).status).toBe(422)
})

test("a first checkpoint comes with no proof at all", async () => {
  const { ask } = makeWitness()
  const path = honest.path(3, 7)
  expect((await ask(encodeAddCheckpoint({ oldSize: 0, path, note: honest.note(7) }))).status).toBe(
    422,
  )
})

const stranger = seededSigner("stranger")
const text7 = parseNote(honest.note(7)).text
const forgedLine = signatureLine({
  name: origin,
  keyId: keyId(origin, log.key),
  signature: new Uint8Array(64).fill(1),
})

test.each([
  { why: "another key signed", status: 403, note: signNote(text7, origin, stranger) },
  { why: "a line of the log's key is forged", status: 403, note: honest.note(7) + forgedLine },
  {
    why: "the log is not known",
    status: 404,
    note: signNote(text7.replace("ledger", "other"), "other.example/amc", stranger),
  },
  {
    why: "the checkpoint has extension lines (L22)",
    status: 400,
    note: signNote(`${text7}extension\n`, origin, seededSigner("log")),
  },
  { why: "the note has no signature", status: 400, note: `${text7}\n` },
  {
    why: "a size of 0 has another root",
    status: 400,
    note: signNote(`${origin}\n0\n${text7.split("\n")[2]}\n`, origin, seededSigner("log")),
  },
])("answers $status where $why, and remembers nothing", async ({ note, status }) => {
  const { ask, store } = makeWitness()
  expect((await ask(encodeAddCheckpoint({ oldSize: 0, path: [], note }))).status).toBe(status)
  expect(await store.latest(origin)).toBeNull()
  expect(await store.contradictions(origin)).toEqual([])
})

test("an old size above the checkpoint's is a bad request", async () => {
  const { ask } = makeWitness()
  await ask(honest.request(0, 7))
  const body = encodeAddCheckpoint({ oldSize: 8, path: [], note: honest.note(7) })
  expect((await ask(body)).status).toBe(400)
})

test("lines of others on a note are not kept, not even ones in the witness's own name (L20)", async () => {
  const { ask, store } = makeWitness()
  const own = signatureLine({
    name: verifier.name,
    keyId: keyId(verifier.name, verifier.key, 4),
    signature: new Uint8Array(72).fill(1),
  })
  const note = `${honest.note(7)}${own}`
  const answer = await ask(encodeAddCheckpoint({ oldSize: 0, path: [], note }))
  expect(answer.status).toBe(200)
  expect((await store.latest(origin))?.note).toBe(honest.note(7))
  expect((await ask(honest.request(7, 9))).status).toBe(200)
})

test("two requests at once that start from the same are not both cosigned (L19)", async () => {
  const { ask, store } = makeWitness()
  await ask(honest.request(0, 3))
  const answers = await Promise.all([5, 9, 7].map((size) => ask(honest.request(3, size))))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409])
  expect(answers.filter(({ status }) => status === 409).map(({ body }) => body)).toEqual(
    [0, 0].map(() => `${5}\n`),
  )
  expect((await store.latest(origin))?.size).toBe(5)
})

/** A store in which another process is always a step ahead. */
class RacedStore extends MemoryWitnessStore {
  #ahead = 3

  override async swap(expected: WitnessedCheckpoint | null, next: WitnessedCheckpoint) {
    const size = this.#ahead++
    const theirs = { origin, size, note: honest.note(size), time: startMs / 1000 }
    await super.swap(await this.latest(origin), theirs)
    return super.swap(expected, next)
  }
}

test("what another process cosigned in between is not rolled back (L19)", async () => {
  const { ask, store } = makeWitness(new RacedStore())
  expect(await ask(honest.request(0, 20))).toMatchObject({ status: 409, body: "3\n" })
  expect((await store.latest(origin))?.size).toBe(3)
})

test("time never goes back between two cosignatures, and far back nothing is cosigned", async () => {
  const { ask, clock } = makeWitness()
  await ask(honest.request(0, 3))
  clock.set(startMs - 60_000)
  const { body } = await ask(honest.request(3, 5))
  expect(openCosignatures(honest.note(5) + body, [verifier])[0]?.time).toBe(startMs / 1000)
  clock.set(startMs - 61_000)
  expect((await ask(honest.request(5, 7))).status).toBe(503)
  clock.set(startMs + 1000)
  expect((await ask(honest.request(5, 7))).status).toBe(200)
})

test("whatever it is sent, it answers, and cosigns only what a log's key signed", async () => {
  const { ask } = makeWitness()
  const good = honest.request(0, 7)
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      expect([400, 404]).toContain((await ask(bytes)).status)
    }),
    { numRuns: 50 },
  )
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length * 8 - 1), async (bit) => {
      const { ask: fresh } = makeWitness()
      const flipped = Uint8Array.from(good)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect((await fresh(flipped)).status).not.toBe(200)
    }),
    { numRuns: 200 },
  )
  expect((await ask(utf8("x".repeat(200_000)))).status).toBe(413)
})

test("a log that grew in any steps is cosigned at each, and a fork of it never", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
      fc.nat(19),
      async (all, nat) => {
        const { ask, store } = makeWitness()
        let size = 0
        for (const next of all.sort((a, b) => a - b)) {
          expect((await ask(honest.request(size, next))).status).toBe(200)
          size = next
        }
        const fork = new LogFixture(20, "fork", nat % size)
        for (let next = size; next <= 20; next++)
          expect((await ask(fork.request(size, next))).status).toBe(422)
        expect((await store.latest(origin))?.note).toBe(honest.note(size))
      },
    ),
    { numRuns: 30 },
  )
})

test("its keys are those of the origin, whatever the note calls itself", async () => {
  const { ask } = makeWitness()
  const root = rootOf([])
  const text = encodeCheckpoint({ origin: "other.example/amc", size: 0, root })
  const note = signNote(text, origin, seededSigner("log"))
  expect((await ask(encodeAddCheckpoint({ oldSize: 0, path: [], note }))).status).toBe(404)
})
