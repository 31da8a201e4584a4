import {
  encodeCheckpoint,
  hashLeaf,
  rootOf,
  signNote,
  TileFrontier,
  tilePath,
  utf8,
  type Verdict,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { exitOf } from "./exit.ts"
import type { TileSource } from "./tile-check.ts"
import { type TiledLedger, type TreeSummary, verifyTiles } from "./tiles.ts"
import { laneName, makeWorld, origin } from "./world.fixture.ts"

const world = makeWorld()
const { keyring, signers } = world
const terms = { keyring, origin }
const size = 700
const leaves = Array.from({ length: size }, (_, n) => utf8(`leaf ${n}`))
const hashes = leaves.map(hashLeaf)

function noteOf(of: number, signer = signers.ledger, name = origin): string {
  const root = rootOf(hashes.slice(0, of))
  return signNote(encodeCheckpoint({ origin: name, size: of, root }), name, signer)
}

/** The files of a published tree with the partial tiles of all these sizes. */
function published(...sizes: readonly number[]): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  const frontier = new TileFrontier()
  for (const to of sizes) {
    while (frontier.size < to)
      for (const { name, bytes } of frontier.add(leaves[frontier.size]!))
        files.set(tilePath(name), bytes)
    for (const { name, bytes } of frontier.partials()) files.set(tilePath(name), bytes)
  }
  files.set("checkpoint", utf8(noteOf(frontier.size)))
  return files
}

function sourceOf(files: ReadonlyMap<string, Uint8Array>): TileSource {
  return {
    read: async (path) => files.get(path) ?? null,
    async *list(folder) {
      for (const path of files.keys())
        if (folder === undefined || path.startsWith(`${folder}/`)) yield path
    },
  }
}

interface Changes {
  readonly stored?: readonly Uint8Array[]
  readonly checkpoints?: readonly string[]
}

function verify(
  files: ReadonlyMap<string, Uint8Array>,
  { stored = leaves, checkpoints = [noteOf(600)] }: Changes = {},
): Promise<Verdict<TreeSummary>> {
  const ledger: TiledLedger = {
    lanes: async () => [laneName],
    async *leaves() {
      for (const leaf of stored) yield { leaf }
    },
    checkpoints: async () => checkpoints,
    tiles: sourceOf(files),
  }
  return verifyTiles(ledger, terms)
}

const found = (verdict: Verdict<unknown>): [string, string][] =>
  verdict.accepted ? [] : verdict.findings.map(({ code, subject }) => [code, subject])

test.each([0, 1, 255, 256, 257, 600, 700])(
  "accepts what was published at %i events",
  async (at) => {
    const verdict = await verify(published(at))
    expect(verdict).toMatchObject({ accepted: true, value: { published: at, events: size } })
  },
)

test("accepts partial tiles of older checkpoints, and those of a publication that did not end", async () => {
  const files = published(3, 200, 300)
  expect(await verify(files)).toMatchObject({ accepted: true })
  for (const [path, bytes] of published(700)) if (path !== "checkpoint") files.set(path, bytes)
  expect(await verify(files)).toMatchObject({ accepted: true, value: { published: 300 } })
})

test("accepts a ledger of which nothing is published", async () => {
  expect(await verify(new Map())).toMatchObject({
    accepted: true,
    value: { published: null, tiles: 0 },
  })
})

test("takes the full tile where the partial one was superseded", async () => {
  const files = published(700)
  files.set("checkpoint", utf8(noteOf(200)))
  expect(await verify(files)).toMatchObject({ accepted: true, value: { published: 200 } })
})

test("says how far it got", async () => {
  const seen: number[] = []
  const many = Array.from({ length: 5000 }, (_, n) => utf8(`${n}`))
  const ledger: TiledLedger = {
    lanes: async () => [laneName],
    async *leaves() {
      for (const leaf of many) yield { leaf }
    },
    checkpoints: async () => [],
    tiles: sourceOf(new Map()),
  }
  await verifyTiles(ledger, terms, (events) => seen.push(events))
  expect(seen).toEqual([4096])
})

test("no bit of a tile, a bundle or the checkpoint can change unnoticed, and the finding names the file", async () => {
  const files = published(3, 700)
  const paths = [...files.keys()]
  await fc.assert(
    fc.asyncProperty(fc.nat(paths.length - 1), fc.nat(), async (at, bit) => {
      const path = paths[at]!
      const bytes = Uint8Array.from(files.get(path)!)
      const place = bit % (bytes.length * 8)
      bytes[place >> 3]! ^= 1 << (place & 7)
      const verdict = await verify(new Map([...files, [path, bytes]]))
      const subject = path === "checkpoint" ? "tiles/checkpoint" : path
      expect(found(verdict).map(([, named]) => named)).toContain(subject)
      if (path !== "checkpoint") expect(exitOf(verdict)).toBe(4)
    }),
    { numRuns: 80 },
  )
})

test.each([...published(700).keys()].filter((path) => path !== "checkpoint"))(
  "names %s if it is missing, which is no tampering",
  async (path) => {
    const files = published(700)
    files.delete(path)
    const verdict = await verify(files)
    expect([found(verdict), exitOf(verdict)]).toEqual([[["tiles/missing", path]], 1])
  },
)

test("a wider partial tile does not stand for the one that a checkpoint needs", async () => {
  const files = published(600)
  files.delete("tile/0/002.p/88")
  files.set("tile/0/002.p/188", published(700).get("tile/0/002.p/188")!)
  expect(found(await verify(files))).toEqual([["tiles/missing", "tile/0/002.p/88"]])
})

const changed = leaves.map((leaf, n) => (n === 100 ? utf8("another") : leaf))

test.each([
  { why: "L01 a changed event", stored: changed },
  { why: "L02 a removed event", stored: leaves.filter((_, n) => n !== 100) },
  {
    why: "L04 two events in another order",
    stored: leaves.map((leaf, n) => (n === 100 ? leaves[101]! : n === 101 ? leaves[100]! : leaf)),
  },
  { why: "L05 an inserted event", stored: leaves.toSpliced(100, 0, utf8("another")) },
])("$why contradicts the tiles and every checkpoint", async ({ stored }) => {
  const verdict = await verify(published(700), { stored })
  expect(found(verdict)).toEqual(
    expect.arrayContaining([
      ["tiles/contradicted", "tile/0/000"],
      ["tiles/contradicted", "tile/entries/000"],
      ["ledger/tree-contradicted", "checkpoint 0"],
    ]),
  )
  expect(exitOf(verdict)).toBe(4)
})

test("L03 events that were cut off at the end are missed by tiles and checkpoint", async () => {
  const verdict = await verify(published(700), { stored: leaves.slice(0, 650) })
  expect(found(verdict)).toEqual(
    expect.arrayContaining([
      ["ledger/truncated", "tiles/checkpoint"],
      ["tiles/beyond-ledger", expect.stringMatching(/002\.p\/188$/u)],
    ]),
  )
})

test("events that were cut off are missed even if the checkpoint was put back too", async () => {
  const files = published(700)
  files.set("checkpoint", utf8(noteOf(600)))
  const verdict = await verify(files, { stored: leaves.slice(0, 650) })
  expect(found(verdict).map(([code]) => code)).toContain("tiles/beyond-ledger")
  expect(exitOf(verdict)).toBe(4)
})

test("L14 a ledger whose last event was doubled has another tree", async () => {
  const verdict = await verify(published(699), {
    stored: [...leaves.slice(0, 699), leaves[698]!],
    checkpoints: [noteOf(700)],
  })
  expect(found(verdict)).toEqual([["ledger/tree-contradicted", "checkpoint 0"]])
})

test.each([
  { why: "a stranger", note: noteOf(600, makeWorld("mallory").signers.ledger), exit: 1 },
  { why: "another origin", note: noteOf(600, signers.ledger, "other/ledger"), exit: 1 },
  { why: "nobody", note: "none", exit: 1 },
])("a checkpoint by $why is not taken", async ({ note, exit }) => {
  const files = published(600)
  files.set("checkpoint", utf8(note))
  const verdict = await verify(files)
  expect([found(verdict), exitOf(verdict)]).toEqual([
    [["ledger/checkpoint", "tiles/checkpoint"]],
    exit,
  ])
})

test("a checkpoint that is not text is not taken", async () => {
  const files = published(600)
  files.set("checkpoint", Uint8Array.of(0xff))
  expect(found(await verify(files))).toEqual([["ledger/checkpoint", "tiles/checkpoint"]])
})

test("what is no tile is left alone", async () => {
  const files = published(600)
  files.set("tile/0/000.bak", utf8("x"))
  files.set("tile/0/000.p/x", utf8("x"))
  expect(await verify(files)).toMatchObject({ accepted: true })
})

test("a stored leaf that no tile has room for is a finding, and no crash", async () => {
  const stored = [...leaves.slice(0, 10), new Uint8Array(65_536), ...leaves.slice(11)]
  const verdict = await verify(published(600), { stored })
  expect(found(verdict)).toContainEqual(["tiles/leaf-too-long", "event 10"])
  expect(exitOf(verdict)).toBe(4)
})

function ofLanes(lanes: readonly string[], stored: readonly Uint8Array[]): TiledLedger {
  return {
    lanes: async () => lanes,
    async *leaves(lane) {
      for (const leaf of lane === laneName ? stored : []) yield { leaf }
    },
    checkpoints: async () => [noteOf(600)],
    tiles: sourceOf(published(600)),
  }
}

test("the tree of several lanes is left to a newer program", async () => {
  const several = makeWorld("owner", { monitor: { lanes: ["a", "b"] } }).keyring
  const verdict = await verifyTiles(ofLanes(["a", "b"], leaves), { ...terms, keyring: several })
  expect(exitOf(verdict)).toBe(3)
})

test.each([{ lane: "a" }, { lane: "z" }])(
  "a lane $lane of nobody's is found, and the tree is compared all the same",
  async ({ lane }) => {
    const lanes = [lane, laneName].sort()
    const whole = await verifyTiles(ofLanes(lanes, leaves), terms)
    expect(found(whole)).toEqual([["ledger/foreign-lane", `lane ${lane}`]])
    expect(exitOf(whole)).toBe(4)
    const cut = await verifyTiles(ofLanes(lanes, leaves.slice(0, 500)), terms)
    expect(found(cut)).toContainEqual(["ledger/truncated", "checkpoint 0"])
  },
)
