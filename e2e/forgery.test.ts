import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  type BundleParts,
  bundlePaths,
  readArchive,
  signaturesPath,
  writeArchive,
} from "@amc/bundle"
import { bundleManifestPath, bundleManifestSignaturePath, equalBytes } from "@amc/core"
import { generatePrivateKey, privateKeySigner } from "@amc/vault"
import { verifyBundle } from "@amc/verify"
import * as fc from "fast-check"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { amcJson } from "./testing/amc.ts"
import { bundleBy, partsOf } from "./testing/bundle-parts.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/** A workspace with one sealed run of one session. */
interface Scored {
  readonly own: TestWorkspace
  readonly runId: string
  readonly bundle: Uint8Array
}

const refused = expect.toSatisfy((exit: unknown) => exit === 1 || exit === 4, "1 or 4")
const fresh = privateKeySigner(generatePrivateKey())

let victim: Scored
let attacker: Scored

beforeAll(async () => {
  ;[victim, attacker] = await Promise.all([scored(), scored()])
}, 240_000)

afterAll(async () => {
  await Promise.all([victim?.own.close(), attacker?.own.close()])
})

async function scored(): Promise<Scored> {
  const own = await makeWorkspace()
  own.write(
    "agent.mjs",
    'await fetch(process.env.OPENAI_BASE_URL + "/models", { headers: { authorization: "Bearer " + process.env.OPENAI_API_KEY } })',
  )
  const words = [
    "score",
    "--agent",
    "a",
    "--provider",
    "scripted",
    "--sessions",
    "1",
    "--",
    "node",
    "agent.mjs",
  ]
  const { exit, stderr, data } = await amcJson(own, words)
  expect(exit, stderr).toBe(0)
  return { own, runId: data.report.run_id, bundle: new Uint8Array(readFileSync(data.bundle)) }
}

async function verifyFor({ own }: Scored, bundle: Uint8Array) {
  const file = join(own.top, "given.amcbundle")
  writeFileSync(file, bundle)
  return amcJson(own, ["bundle", "verify", file, "--root", own.root])
}

test("each bundle counts for its own owner, so that what follows is refused for its reason", async () => {
  for (const own of [victim, attacker])
    expect(await verifyFor(own, own.bundle)).toMatchObject({ exit: 0, ok: true })
})

/** The attacker's archive with some files of the victim's; nothing is signed again. */
async function swapped(isTaken: (name: string) => boolean): Promise<Uint8Array> {
  const [base, other] = await Promise.all([
    readArchive(attacker.bundle),
    readArchive(victim.bundle),
  ])
  const taken = [...other].filter(([name]) => isTaken(name))
  return writeArchive(new Map([...[...base].filter(([name]) => !isTaken(name)), ...taken]))
}

/** Parts of both, under a manifest that a key of the attacker's signs. */
async function mixed(
  mix: (base: BundleParts, other: BundleParts) => BundleParts,
): Promise<Uint8Array> {
  const [base, other] = await Promise.all([partsOf(attacker.bundle), partsOf(victim.bundle)])
  return bundleBy(fresh, mix(base, other))
}

test.each([
  { why: "all of it the attacker's", make: async () => attacker.bundle },
  {
    why: "the victim's trust files in place of the attacker's",
    make: () => swapped((name) => name.startsWith("trust/")),
  },
  {
    why: "the victim's trust files and manifest",
    make: () => swapped((name) => name.startsWith("trust/") || name.startsWith("manifest.")),
  },
  {
    why: "the victim's trust files, under a manifest signed by the attacker",
    make: () =>
      mixed((base, { roots, revocations, keys }) => ({ ...base, roots, revocations, keys })),
  },
  {
    why: "both's key certificates, under a manifest signed by the attacker",
    make: () =>
      mixed((base, { roots, revocations, keys }) => ({
        ...base,
        roots,
        revocations,
        keys: new Map([...keys, ...base.keys]),
      })),
  },
  {
    why: "the victim's evidence with the attacker's report and seal",
    make: () => mixed((base, other) => ({ ...other, report: base.report, seal: base.seal })),
  },
  {
    why: "the attacker's evidence under the victim's report, seal and checkpoint",
    make: () => mixed(({ lanes }, other) => ({ ...other, lanes })),
  },
  {
    why: "the victim's whole bundle, under a manifest signed by the attacker",
    make: () => mixed((_, other) => other),
  },
])("a bundle is refused for the victim's root: $why", async ({ make }) => {
  const { exit, ok, data, findings } = await verifyFor(victim, await make())
  expect({ exit, ok, data }).toEqual({ exit: refused, ok: false, data: null })
  expect(findings[0]).toMatchObject({
    code: expect.stringMatching(/^[a-z]+\/[a-z-]+$/),
    detail: expect.any(String),
  })
})

/** Changes the victim's workspace for as long as a check takes. */
async function withChange(
  change: (dir: string) => void,
  check: () => Promise<void>,
): Promise<void> {
  const { dir, top } = victim.own
  const kept = join(top, "kept")
  cpSync(dir, kept, { recursive: true, preserveTimestamps: true })
  try {
    change(dir)
    await check()
  } finally {
    rmSync(dir, { recursive: true })
    renameSync(kept, dir)
  }
}

const take =
  (path: string) =>
  (dir: string): void => {
    rmSync(join(dir, path), { recursive: true, force: true })
    cpSync(join(attacker.own.dir, path), join(dir, path), { recursive: true })
  }

/** Better levels, in the one spelling that reports have. */
function praise(dir: string): void {
  const path = join(dir, "runs", victim.runId, "report.json")
  writeFileSync(path, readFileSync(path, "utf8").replace('"level":0', '"level":5'))
}

test.each([
  { why: "the attacker's ledger", change: take("ledger") },
  { why: "the attacker's trust files", change: take("trust") },
  {
    why: "the attacker's ledger and trust files",
    change: (dir: string) => ["ledger", "trust"].forEach((path) => take(path)(dir)),
  },
  { why: "the attacker's whole folder", change: take(".") },
  {
    why: "the attacker's gateway config and its signature",
    change: (dir: string) =>
      ["gateway.yaml", "gateway.yaml.sig"].forEach((path) => take(path)(dir)),
  },
  {
    why: "the attacker's run beside the own",
    change: (dir: string) => take(`runs/${attacker.runId}`)(dir),
  },
  { why: "a better report in the place of the sealed one", change: praise },
])("the victim's workspace is not accepted with $why", async ({ change }) => {
  await withChange(change, async () => {
    const { exit, ok, findings } = await amcJson(victim.own, ["verify"])
    expect({ exit, ok }).toEqual({
      exit: expect.toSatisfy((code: unknown) => [1, 3, 4].includes(code as number), "1, 3 or 4"),
      ok: false,
    })
    expect(findings[0]?.code).toMatch(/^[a-z]+\/[a-z-]+$/)
  })
})

test("the attacker's run is no run of the victim's, and a better report is tampered with", async () => {
  await withChange(take(`runs/${attacker.runId}`), async () => {
    expect(await amcJson(victim.own, ["run", "verify", attacker.runId])).toMatchObject({
      ok: false,
    })
    expect(await amcJson(victim.own, ["run", "show", attacker.runId])).toMatchObject({ ok: false })
  })
  await withChange(praise, async () => {
    expect(await amcJson(victim.own, ["run", "verify", victim.runId])).toMatchObject({ exit: 4 })
    expect(await amcJson(victim.own, ["run", "show", victim.runId])).toMatchObject({ ok: false })
  })
  expect(await amcJson(victim.own, ["verify"])).toMatchObject({ exit: 0 })
})

describe("no flipped bit of a real bundle passes, and none makes the verifier throw", () => {
  async function isRefusedWith(bit: number): Promise<boolean> {
    const changed = Uint8Array.from(victim.bundle)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    const rootSha256 = victim.own.root.replace("sha256:", "")
    return !(await verifyBundle(changed, { rootSha256, atMs: 0 })).accepted
  }

  /** Where some bytes lie in the archive. */
  function placeOf(bytes: Uint8Array): number {
    const at = Buffer.from(victim.bundle).indexOf(bytes)
    if (at < 0 || !equalBytes(victim.bundle.subarray(at, at + bytes.length), bytes))
      throw new Error("not in the bundle")
    return at
  }

  /** Flips a bit in every `step`th byte, another bit each time; gives how many flips that were. */
  async function flipIn(bytes: Uint8Array, step: number): Promise<number> {
    const start = placeOf(bytes)
    let flips = 0
    for (let at = 0; at < bytes.length; at += step, flips++)
      expect(await isRefusedWith((start + at) * 8 + (flips % 8)), `byte ${at}`).toBe(true)
    return flips
  }

  test.each([
    { path: bundleManifestPath, step: 1 },
    { path: bundleManifestSignaturePath, step: 3 },
  ])("in $path, at one byte of $step", { timeout: 180_000 }, async ({ path, step }) => {
    const file = (await readArchive(victim.bundle)).get(path)!
    expect(await flipIn(file, step)).toBeGreaterThan(700)
  })

  test(
    "in every signature: seal, checkpoint, configs and each leaf's",
    { timeout: 180_000 },
    async () => {
      const files = await readArchive(victim.bundle)
      const texts = [...files]
        .filter(([name]) => name === bundlePaths.seal || name.endsWith(".sig"))
        .map(([, bytes]) => Buffer.from(bytes).toString("latin1"))
      const envelopes = texts.map((text) => Buffer.from(/"sig":"([^"]+)"/.exec(text)![1]!))
      const note = Buffer.from(files.get(bundlePaths.checkpoint)!)
      const lines = ["a", "_system"].flatMap((agent) =>
        Buffer.from(files.get(signaturesPath("main", agent))!)
          .toString()
          .trim()
          .split("\n"),
      )
      const counts = [await flipIn(note, 1)]
      for (const signature of envelopes) counts.push(await flipIn(signature, 2))
      for (const line of lines) counts.push(await flipIn(Buffer.from(line), 22))
      expect(envelopes.length).toBeGreaterThanOrEqual(4)
      expect(lines.length).toBeGreaterThan(20)
      expect(counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(400)
    },
  )

  test("anywhere, at 5,000 random bits", { timeout: 180_000 }, async () => {
    const anywhere = fc.asyncProperty(fc.nat(victim.bundle.length * 8 - 1), isRefusedWith)
    await fc.assert(anywhere, { numRuns: 5000 })
  })
})
