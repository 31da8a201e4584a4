import { toHex } from "@amc/core"
import type { EventRow, EventStore } from "@amc/ledger"
import { describe, expect, onTestFinished, test } from "vitest"

export interface StoreUnderTest<S> {
  /** Opens the same underlying store again, as a second process would. */
  open(): Promise<S>
  remove(): Promise<void>
}

interface RowTerms extends Partial<Omit<EventRow, "leafHash" | "leaf">> {
  readonly lseq: number
}

/** A row that looks like one of a chain; the store knows no keys, so no signature is needed. */
function row({ lseq, aseq = lseq, agent = "coder", ...rest }: RowTerms): EventRow {
  const leafHash = new Uint8Array(32).fill(lseq + 1)
  const leaf = new Uint8Array(100).fill(lseq)
  const named = { session: "s1", type: "audit", ts: 1000 + lseq, id: `${agent}-${lseq}` }
  return { lseq, aseq, agent, leafHash, leaf, ...named, ...rest }
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
export function eventStoreContract(
  name: string,
  make: () => Promise<StoreUnderTest<EventStore>>,
): void {
  const setUp = async (): Promise<StoreUnderTest<EventStore>> => {
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
      { why: "an id comes twice", second: { lseq: 2, id: "coder-0" } },
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
  })
}
