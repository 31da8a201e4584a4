import { AmcError, type Checkpoint } from "@amc/core"
import { expect, onTestFinished, test, vi } from "vitest"
import { Checkpointer, type CheckpointerTerms } from "./checkpointer.ts"
import type { Keeper, KeptTree, SignedTree } from "./checkpoint-keeper.ts"

const broken = new AmcError("store/unavailable", "the disk is full")

/** A ledger whose size a test sets, and all that was asked of notary and keeper. */
class Bench {
  size = 0
  nowMs = 1_800_000_000_000
  signs: () => void = () => undefined
  keeps: () => KeptTree = () => ({ tilesFault: null })
  readonly kept: (SignedTree & { readonly by: "here" | "thread" })[] = []
  readonly audits: string[] = []
  closed = 0
  readonly checkpointer: Checkpointer

  constructor(everyMs = 5) {
    const terms: CheckpointerTerms = {
      recorder: { checkpoint: async () => this.#checkpoint() },
      notary: {
        signCheckpoint: async ({ size }) => {
          this.signs()
          return `note of ${size}`
        },
      },
      openKeeper: () => this.#keeper("here"),
      startKeeper: () => this.#keeper("thread"),
      audit: async (code, _subject, detail) => void this.audits.push(`${code}: ${detail}`),
      clock: () => this.nowMs,
      everyMs,
    }
    this.checkpointer = new Checkpointer(terms)
    onTestFinished(() => this.checkpointer.close())
  }

  sizes(): number[] {
    return this.kept.map(({ size }) => size)
  }

  #checkpoint(): Checkpoint {
    return { origin: "demo/ledger", size: this.size, root: new Uint8Array(32) }
  }

  #keeper(by: "here" | "thread"): Keeper {
    return {
      keep: async (tree) => {
        const kept = this.keeps()
        this.kept.push({ ...tree, by })
        return kept
      },
      close: async () => void this.closed++,
    }
  }
}

test("while events come it makes checkpoints beside the work, and none when none come", async () => {
  const bench = new Bench()
  bench.checkpointer.start()
  bench.size = 3
  await vi.waitFor(() => expect(bench.sizes()).toEqual([3]))
  bench.size = 7
  await vi.waitFor(() => expect(bench.sizes()).toEqual([3, 7]))
  await bench.checkpointer.close()
  expect(bench.sizes()).toEqual([3, 7])
  expect(bench.kept.map(({ by }) => by)).toEqual(["thread", "thread"])
})

test("it never makes two within the span of time", async () => {
  const bench = new Bench(60_000)
  bench.checkpointer.start()
  bench.size = 3
  await bench.checkpointer.close()
  expect(bench.kept.map(({ by, size }) => [by, size])).toEqual([["here", 3]])
})

test("an empty ledger has no checkpoint at its end", async () => {
  const bench = new Bench()
  await bench.checkpointer.close()
  expect(bench.kept).toEqual([])
})

test("one that is asked for is there when it is answered, whatever there was before", async () => {
  const bench = new Bench()
  bench.size = 3
  expect(await bench.checkpointer.now()).toMatchObject({
    checkpoint: { size: 3 },
    note: "note of 3",
  })
  expect(await bench.checkpointer.now()).toMatchObject({ checkpoint: { size: 3 } })
  expect(bench.sizes()).toEqual([3, 3])
  expect(bench.closed).toBe(2)
})

test("when one was there is remembered for those that were asked for, for the last, and once a minute", async () => {
  const bench = new Bench()
  bench.checkpointer.start()
  const seen = async (size: number): Promise<void> => {
    bench.size = size
    await vi.waitFor(() => expect(bench.sizes()).toContain(size))
  }
  await seen(1)
  await seen(2)
  bench.nowMs += 60_000
  await seen(3)
  bench.nowMs += 1
  bench.size = 4
  await bench.checkpointer.now()
  bench.size = 5
  await bench.checkpointer.close()
  const pinned = bench.kept.filter(({ pinMs }) => pinMs !== null).map(({ size }) => size)
  expect(pinned).toEqual([1, 3, 4, 5])
})

test("L18 a clock that was set back does not keep what is there from being remembered", async () => {
  const bench = new Bench()
  bench.checkpointer.start()
  bench.size = 1
  await vi.waitFor(() => expect(bench.sizes()).toContain(1))
  bench.nowMs -= 86_400_000
  bench.size = 2
  await vi.waitFor(() => expect(bench.sizes()).toContain(2))
  expect(bench.kept.map(({ pinMs }) => pinMs)).toEqual([1_800_000_000_000, bench.nowMs])
})

test.each<{ why: string; breaks: (bench: Bench) => void }>([
  {
    why: "the notary",
    breaks: (bench) =>
      (bench.signs = () => {
        throw broken
      }),
  },
  {
    why: "the disk",
    breaks: (bench) =>
      (bench.keeps = () => {
        throw broken
      }),
  },
  {
    why: "the folder of tiles",
    breaks: (bench) =>
      (bench.keeps = () => ({
        tilesFault: { code: "store/unavailable", message: broken.message, hint: undefined },
      })),
  },
])(
  "$why that fails is one audit for as long as it goes on, and another one the next time",
  async ({ breaks }) => {
    const bench = new Bench()
    breaks(bench)
    bench.checkpointer.start()
    bench.size = 1
    await vi.waitFor(() => expect(bench.audits).toHaveLength(1))
    bench.size = 2
    await vi.waitFor(async () => {
      await bench.checkpointer.now().catch(() => undefined)
      expect(bench.audits).toHaveLength(1)
    })
    bench.signs = () => undefined
    bench.keeps = () => ({ tilesFault: null })
    bench.size = 3
    await vi.waitFor(() => expect(bench.sizes()).toContain(3))
    breaks(bench)
    bench.size = 4
    await vi.waitFor(() => expect(bench.audits).toHaveLength(2))
    expect(bench.audits[0]).toContain("CHECKPOINT_FAILED: ")
    expect(bench.audits[0]).toContain("the disk is full")
  },
)

test("one that is asked for fails with the fault; one at the end does not", async () => {
  const bench = new Bench()
  bench.size = 1
  bench.keeps = () => {
    throw broken
  }
  await expect(bench.checkpointer.now()).rejects.toBe(broken)
  await bench.checkpointer.close()
  expect(bench.audits).toHaveLength(1)
})

test("tiles that can't be written are no reason to refuse a checkpoint", async () => {
  const bench = new Bench()
  bench.size = 1
  const tilesFault = { code: "store/unavailable", message: "no room", hint: undefined } as const
  bench.keeps = () => ({ tilesFault })
  expect(await bench.checkpointer.now()).toMatchObject({ checkpoint: { size: 1 } })
  expect(bench.audits).toEqual(["CHECKPOINT_FAILED: the tree can't be published: no room"])
})
