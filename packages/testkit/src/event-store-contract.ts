import { sha256Hex, toHex } from "@amc/core"
import type { BlobStore, EventRow, EventStore, InlineBlob } from "@amc/ledger"
import { describe, expect, onTestFinished, test } from "vitest"

export interface StoreUnderTest<S> {
  /** Opens the same underlying store again, as a second process would. */
  open(): Promise<S>
  remove(): Promise<void>
}

/** An event store with the store of payloads that its appends fill. */
export interface EventStoreUnderTest extends StoreUnderTest<EventStore> {
  openBlobs(): Promise<BlobStore>
}

interface RowTerms extends Partial<Omit<EventRow, "leafHash" | "leaf" | "signature">> {
  readonly lseq: number
}

/** A row that looks like one of a chain; the store knows no keys, so no signature is needed. */
function row({ lseq, aseq = lseq, agent = "coder", ...rest }: RowTerms): EventRow {
  const leafHash = new Uint8Array(32).fill(lseq + 1)
  const leaf = new Uint8Array(100).fill(lseq)
  const named = { session: "s1", type: "audit", ts: 1000 + lseq, id: idOf(lseq) }
  return { lseq, aseq, agent, leafHash, leaf, signature: `signature ${lseq}`, ...named, ...rest }
}

/** They ascend, also as texts. */
function idOf(lseq: number): string {
  return `id-${String(lseq).padStart(5, "0")}`
}

function hashOf(lseq: number): string {
  return toHex(row({ lseq }).leafHash)
}

function rows(from: number, to: number): EventRow[] {
  return Array.from({ length: to - from }, (_, at) => row({ lseq: from + at }))
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

async function lseqs(events: AsyncIterable<EventRow>): Promise<number[]> {
  return (await all(events)).map(({ lseq }) => lseq)
}

/** What every {@link EventStore} must do. A new driver runs this and adds only its own tests. */
export function eventStoreContract(name: string, make: () => Promise<EventStoreUnderTest>): void {
  const setUp = async (): Promise<EventStoreUnderTest> => {
    const store = await make()
    onTestFinished(() => store.remove())
    return store
  }

  const conflict = expect.objectContaining({ code: "store/conflict" })

  describe(`${name}: EventStore contract`, () => {
    test("is empty at first", async () => {
      const store = await (await setUp()).open()
      expect(await store.head("main")).toBeNull()
      expect(await store.agentHeads("main")).toEqual([])
      expect(await store.lanes()).toEqual([])
      expect(await store.latestCheckpoint()).toBeNull()
      expect(await lseqs(store.read("main", 0))).toEqual([])
    })

    test("gives back exactly the rows that were appended", async () => {
      const store = await (await setUp()).open()
      const appended = [
        row({ lseq: 0, agent: "_system", session: null }),
        row({ lseq: 1, aseq: 0 }),
      ]
      await store.append("main", null, appended, [])
      const plain = (rows: readonly EventRow[]): unknown[] =>
        rows.map((one) => ({ ...one, leaf: [...one.leaf], leafHash: [...one.leafHash] }))
      expect(plain(await all(store.read("main", 0)))).toEqual(plain(appended))
    })

    test("knows the heads of a lane and of each agent in it", async () => {
      const store = await (await setUp()).open()
      const mixed = [
        row({ lseq: 0 }),
        row({ lseq: 1, aseq: 0, agent: "_system" }),
        row({ lseq: 2, aseq: 1 }),
      ]
      await store.append("main", null, mixed, [])
      await store.append("other", null, [row({ lseq: 0, agent: "third" })], [])
      expect(await store.head("main")).toEqual({ lseq: 2, event_hash: hashOf(2), ts: 1002 })
      expect(await store.agentHeads("main")).toEqual([
        { agent: "_system", aseq: 0, event_hash: hashOf(1) },
        { agent: "coder", aseq: 1, event_hash: hashOf(2) },
      ])
      expect(await store.lanes()).toEqual(["main", "other"])
    })

    test("refuses an append that lost the race, and writes none of it", async () => {
      const { open } = await setUp()
      const [winner, loser] = [await open(), await open()]
      await winner.append("main", null, rows(0, 2), [])
      await expect(loser.append("main", null, rows(0, 1), [])).rejects.toEqual(conflict)
      await expect(loser.append("main", hashOf(0), rows(1, 3), [])).rejects.toEqual(conflict)
      expect(await loser.head("main")).toEqual({ lseq: 1, event_hash: hashOf(1), ts: 1001 })
    })

    test.each([
      { why: "a number is left out", second: { lseq: 3, aseq: 2 } },
      { why: "a number comes twice", second: { lseq: 1, aseq: 2 } },
      { why: "an id comes twice", second: { lseq: 2, id: idOf(1) } },
      { why: "an id of before comes again", second: { lseq: 2, id: idOf(0) } },
      { why: "an agent's number comes twice", second: { lseq: 2, aseq: 0 } },
    ])("writes nothing of a group in which $why", async ({ second }) => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 1), [])
      const group = [row({ lseq: 1 }), row(second)]
      await expect(store.append("main", hashOf(0), group, [])).rejects.toEqual(conflict)
      expect(await lseqs(store.read("main", 0))).toEqual([0])
    })

    test("keeps what it acknowledged across a reopen", async () => {
      const { open } = await setUp()
      const first = await open()
      await first.append("main", null, rows(0, 3), [])
      await first.saveCheckpoint(3, "note")
      await first.close()
      const second = await open()
      expect(await lseqs(second.read("main", 0))).toEqual([0, 1, 2])
      expect(await second.latestCheckpoint()).toEqual({ size: 3, note: "note" })
    })

    test("reads from a position, up to one, and across its pages", async () => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 600), [])
      expect(await lseqs(store.read("main", 598))).toEqual([598, 599])
      expect(await lseqs(store.read("main", 3, 5))).toEqual([3, 4, 5])
      expect(await lseqs(store.read("main", 600))).toEqual([])
      expect(await lseqs(store.read("main", 0))).toEqual(rows(0, 600).map(({ lseq }) => lseq))
      expect(await all(store.leafHashes("main", 597))).toHaveLength(3)
    })

    test("lets a lane be written while it is read", async () => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 300), [])
      const seen: number[] = []
      for await (const { lseq } of store.read("main", 0)) {
        if (lseq === 0) await store.append("main", hashOf(299), rows(300, 301), [])
        seen.push(lseq)
      }
      expect(seen.slice(0, 300)).toEqual(rows(0, 300).map(({ lseq }) => lseq))
    })

    test("reads by agent, by session and by type", async () => {
      const store = await (await setUp()).open()
      const mixed = [
        row({ lseq: 0, type: "session_open" }),
        row({ lseq: 1, aseq: 0, agent: "_system", session: null }),
        row({ lseq: 2, aseq: 1, session: "s2", type: "session_open" }),
        row({ lseq: 3, aseq: 2 }),
      ]
      await store.append("main", null, mixed, [])
      expect(await lseqs(store.readAgent("main", "coder", 1))).toEqual([2, 3])
      expect(await lseqs(store.readSession("main", "s1"))).toEqual([0, 3])
      expect(await lseqs(store.readType("main", "session_open"))).toEqual([0, 2])
    })

    test("finds an event by its hash in any lane", async () => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 2), [])
      await store.append("other", null, rows(0, 5), [])
      expect(await store.findEvent(hashOf(4))).toMatchObject({ lane: "other", row: { lseq: 4 } })
      expect(await store.findEvent("ab".repeat(32))).toBeNull()
    })

    test("keeps all checkpoints, in the order of their sizes", async () => {
      const store = await (await setUp()).open()
      await store.saveCheckpoint(7, "seven")
      await store.saveCheckpoint(3, "three")
      await store.saveCheckpoint(7, "another seven")
      await store.saveCheckpoint(7, "seven")
      expect((await store.checkpoints()).map(({ note }) => note)).toEqual([
        "three",
        "seven",
        "another seven",
      ])
      expect(await store.latestCheckpoint()).toEqual({ size: 7, note: "another seven" })
    })

    test("lets one of several writers through that start from the same head", async () => {
      const { open } = await setUp()
      const writers = await Promise.all([open(), open(), open(), open()])
      await writers[0]?.append("main", null, rows(0, 1), [])
      const group = (at: number): EventRow[] => [row({ lseq: 1, id: `w${at}` })]
      const outcomes = await Promise.allSettled(
        writers.map((writer, at) => writer.append("main", hashOf(0), group(at), [])),
      )
      const through = outcomes.flatMap(({ status }, at) => (status === "fulfilled" ? [at] : []))
      expect(through).toHaveLength(1)
      const lost = outcomes.flatMap((one) => (one.status === "rejected" ? [one.reason] : []))
      expect(lost).toEqual([conflict, conflict, conflict])
      const [, second] = await all((await open()).read("main", 0))
      expect(second?.id).toBe(`w${through[0]}`)
    })

    test("wants an empty lane to be expected empty, also by a group of nothing", async () => {
      const store = await (await setUp()).open()
      await expect(store.append("main", hashOf(0), rows(0, 1), [])).rejects.toEqual(conflict)
      await store.append("main", null, [], [])
      expect(await store.head("main")).toBeNull()
      await store.append("main", null, rows(0, 1), [])
      await expect(store.append("main", null, [], [])).rejects.toEqual(conflict)
      await store.append("main", hashOf(0), [], [])
      expect(await lseqs(store.read("main", 0))).toEqual([0])
    })

    test("keeps lanes apart: each has its own numbers, ids and agents", async () => {
      const store = await (await setUp()).open()
      for (const lane of ["a", "b"]) await store.append(lane, null, rows(0, 2), [])
      await store.append("a", hashOf(1), rows(2, 3), [])
      expect(await lseqs(store.read("a", 0))).toEqual([0, 1, 2])
      expect(await lseqs(store.read("b", 0))).toEqual([0, 1])
      expect(await lseqs(store.readAgent("b", "coder", 0))).toEqual([0, 1])
      expect(await lseqs(store.readSession("b", "s1"))).toEqual([0, 1])
      expect(await lseqs(store.readType("b", "audit"))).toEqual([0, 1])
      expect(await all(store.leafHashes("b", 0))).toHaveLength(2)
      expect(await store.agentHeads("b")).toMatchObject([{ aseq: 1 }])
    })

    test("gives the leaf hashes of the lane in order, from a position", async () => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 5), [])
      const hashes = (await all(store.leafHashes("main", 2))).map((hash) => toHex(hash))
      expect(hashes).toEqual([2, 3, 4].map(hashOf))
    })

    test("reads by agent, session and type in order across its pages", async () => {
      const store = await (await setUp()).open()
      const mixed = Array.from({ length: 1200 }, (_, lseq) =>
        lseq % 2 === 0
          ? row({ lseq, aseq: lseq / 2 })
          : row({ lseq, aseq: (lseq - 1) / 2, agent: "other", session: "s2", type: "gap" }),
      )
      await store.append("main", null, mixed.slice(0, 700), [])
      await store.append("main", hashOf(699), mixed.slice(700), [])
      const odd = Array.from({ length: 600 }, (_, at) => 2 * at + 1)
      expect(await lseqs(store.readAgent("main", "other", 0))).toEqual(odd)
      expect(await lseqs(store.readSession("main", "s2"))).toEqual(odd)
      expect(await lseqs(store.readType("main", "gap"))).toEqual(odd)
      expect(await lseqs(store.readAgent("main", "other", 598))).toEqual([1197, 1199])
    })

    test("keeps every byte of a leaf and every value of a column, whatever the caller does with its own", async () => {
      const store = await (await setUp()).open()
      const leaf = Uint8Array.from({ length: 65_535 }, (_, at) => at % 256)
      const ts = Number.MAX_SAFE_INTEGER
      const mine = { ...row({ lseq: 0, ts, session: null, id: "ü" }), leaf: Uint8Array.from(leaf) }
      await store.append("main", null, [mine], [])
      mine.leaf.fill(0)
      mine.leafHash.fill(0)
      const [found] = await all(store.read("main", 0))
      expect(found).toMatchObject({ ts, session: null, id: "ü" })
      expect(Buffer.from(found?.leaf ?? []).equals(leaf)).toBe(true)
      expect(toHex(found?.leafHash ?? new Uint8Array())).toBe(hashOf(0))
      found?.leaf.fill(0)
      const [again] = await all(store.read("main", 0))
      expect(Buffer.from(again?.leaf ?? []).equals(leaf)).toBe(true)
    })

    test("makes payloads durable with their events, and none without them", async () => {
      const { open, openBlobs } = await setUp()
      const store = await open()
      const blobOf = (byte: number): InlineBlob => {
        const bytes = Uint8Array.of(byte)
        return { sha256: sha256Hex(bytes), bytes }
      }
      const [kept, last, lost] = [blobOf(1), blobOf(2), blobOf(3)]
      await store.append("main", null, rows(0, 1), [kept, last, last])
      await store.append("main", hashOf(0), rows(1, 2), [last])
      await expect(store.append("main", hashOf(0), rows(2, 3), [lost])).rejects.toEqual(conflict)
      const twice = [row({ lseq: 2 }), row({ lseq: 2 })]
      await expect(store.append("main", hashOf(1), twice, [lost])).rejects.toEqual(conflict)
      const blobs = await openBlobs()
      for (const { sha256, bytes } of [kept, last]) expect(await blobs.get(sha256)).toEqual(bytes)
      expect(await blobs.has(lost.sha256)).toBe(false)
    })

    test("can be written after a reader has gone away in the middle", async () => {
      const store = await (await setUp()).open()
      await store.append("main", null, rows(0, 600), [])
      for await (const { lseq } of store.read("main", 0)) if (lseq === 3) break
      await store.append("main", hashOf(599), rows(600, 601), [])
      expect(await store.head("main")).toMatchObject({ lseq: 600 })
    })

    test("refuses everything once it is closed, which may be said twice, and only its own", async () => {
      const { open } = await setUp()
      const [closed, other] = [await open(), await open()]
      await closed.append("main", null, rows(0, 1), [])
      await closed.close()
      await closed.close()
      const uses: readonly (() => Promise<unknown>)[] = [
        () => closed.head("main"),
        () => closed.agentHeads("main"),
        () => closed.lanes(),
        () => closed.append("main", hashOf(0), rows(1, 2), []),
        () => all(closed.read("main", 0)),
        () => all(closed.leafHashes("main", 0)),
        () => closed.findEvent(hashOf(0)),
        () => closed.saveCheckpoint(1, "note"),
        () => closed.checkpoints(),
      ]
      for (const use of uses)
        await expect(use()).rejects.toMatchObject({ code: "store/unavailable" })
      expect(await lseqs(other.read("main", 0))).toEqual([0])
      await other.append("main", hashOf(0), rows(1, 2), [])
    })
  })
}
