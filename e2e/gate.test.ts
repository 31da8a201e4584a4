import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { join, parse } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson } from "./testing/amc.ts"
import { handedPolicy, policyText, scoredRun, signedPolicy } from "./testing/gated.ts"
import { makePlace, type Place } from "./testing/place.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

/** An owner with a bundle, and a consumer on another machine with a policy; an attacker who is both. */
let producer: TestWorkspace
let attacker: TestWorkspace
let consumer: Place & { readonly root: string }
/** A machine that knows nobody: that of the gate. */
let machine: Place
let bundles: readonly string[]

beforeAll(async () => {
  ;[producer, attacker] = await Promise.all([makeWorkspace(), makeWorkspace()])
  const place = makePlace()
  consumer = { ...place, root: (await amcJson(place, ["init"])).data.root }
  machine = makePlace()
  const theirs = scoredRun(attacker)
  const runs = [await scoredRun(producer), await scoredRun(producer), await theirs]
  bundles = runs.map(({ bundle }) => bundle)
}, 240_000)

afterAll(async () => {
  await Promise.all([producer?.close(), attacker?.close()])
  for (const place of [consumer, machine]) place?.remove()
})

/** Writes and signs a policy with its name as its id, and hands its three files to the machine of the gate. */
async function policyOf(
  by: Place,
  name: string,
  rules: string,
  root: string = producer.root,
): Promise<string> {
  return handedPolicy(
    await signedPolicy(by, name, policyText(root, rules, parse(name).name)),
    machine.cwd,
  )
}

function gate(bundle: string, policy: string, ...more: readonly string[]) {
  return amcJson(machine, ["gate", "--bundle", bundle, "--policy", policy, ...more])
}

test("B2: a bundle passes by a signed policy under its owner's root, which is remembered", async () => {
  const policy = await policyOf(consumer, "release.yaml", "minIntegrityIndex: 50\n")
  const first = await gate(bundles[0]!, policy, "--policy-root", consumer.root)
  expect({ exit: first.exit, passed: first.data.passed }, first.stdout).toEqual({
    exit: 0,
    passed: true,
  })
  expect(await gate(bundles[0]!, policy)).toMatchObject({ exit: 0, ok: true })
})

test("B2: a refusal names rule, value, bound and way out, and every format of it says so", async () => {
  const policy = await policyOf(consumer, "strict.yaml", "minOverall: 4\nminIntegrityIndex: 99\n")
  const out = (end: string): string => join(machine.cwd, `gate.${end}`)
  const ends = ["sarif", "xml", "md", "json", "txt"]
  const outs = ends.flatMap((end) => ["--out", out(end)])
  const refused = await gate(bundles[0]!, policy, "--policy-root", consumer.root, ...outs)
  expect(refused.exit).toBe(1)
  expect(refused.findings.map(({ code }) => code)).toEqual(["gate/integrity-index", "gate/overall"])
  const failed = refused.data.checks.filter(({ passed }: { passed: boolean }) => !passed)
  for (const { value, bound, next } of failed)
    expect([value, bound, next]).toEqual([
      expect.stringMatching(/./),
      expect.stringMatching(/^at least/),
      expect.stringMatching(/./),
    ])
  for (const end of ends) expect(readFileSync(out(end), "utf8"), end).toContain("at least level 4")
  const again = await gate(bundles[0]!, policy, "--out", out("md"))
  expect(again).toMatchObject({ exit: 2 })
})

test("B2: two runs in a row are asked of two bundles, and the order counts", async () => {
  const policy = await policyOf(consumer, "twice.yaml", "consecutiveRuns: 2\nmaxDrop: 0\n")
  const root = ["--policy-root", consumer.root]
  expect(await gate(bundles[1]!, policy, ...root, "--previous", bundles[0]!)).toMatchObject({
    exit: 0,
  })
  expect(await gate(bundles[0]!, policy, ...root, "--previous", bundles[1]!)).toMatchObject({
    exit: 1,
  })
  expect(await gate(bundles[1]!, policy, ...root)).toMatchObject({ exit: 1 })
})

/** Each thing that an attacker with keys of its own may bring, under the names of the victim. */
const attacks: readonly {
  readonly why: string
  readonly bring: () => Promise<readonly [bundle: string, policy: string]>
}[] = [
  {
    why: "a bundle",
    bring: async () => [bundles[2]!, await policyOf(consumer, "a.yaml", "")],
  },
  {
    why: "a policy",
    bring: async () => [bundles[0]!, await policyOf(attacker, "b.yaml", "")],
  },
  {
    why: "a policy and a bundle",
    bring: async () => [bundles[2]!, await policyOf(attacker, "c.yaml", "", attacker.root)],
  },
  {
    why: "a signature of the victim's policy",
    bring: async () => {
      const policy = await policyOf(consumer, "d.yaml", "")
      const forged = await policyOf(attacker, "d2.yaml", "")
      cpSync(`${forged}.sig`, `${policy}.sig`)
      return [bundles[0]!, policy]
    },
  },
  {
    why: "an own trust file for its own signature, under the victim's policy's name",
    bring: async () => {
      const victims = await policyOf(consumer, "e.yaml", "minOverall: 5\n")
      await policyOf(attacker, "e.yaml", "")
      return [bundles[0]!, victims]
    },
  },
  {
    why: "another policy that the victim signed",
    bring: async () => {
      const strict = await policyOf(consumer, "f.yaml", "minOverall: 5\n")
      const lax = await policyOf(consumer, "g.yaml", "")
      for (const end of ["", ".sig"]) cpSync(`${lax}${end}`, `${strict}${end}`)
      return [bundles[0]!, strict]
    },
  },
]

test.each(attacks)(
  "K5: $why of an attacker, with the victim's names, is refused",
  async ({ bring }) => {
    const [bundle, policy] = await bring()
    const { exit, ok, data, findings } = await gate(bundle, policy, "--policy-root", consumer.root)
    expect([exit, ok, data.passed]).toEqual([expect.toBeOneOf([1, 4]), false, false])
    expect(findings.length).toBeGreaterThan(0)
  },
)

test("B2: an older policy is refused where a newer one was seen, and by number where none was", async () => {
  const path = await policyOf(consumer, "aged.yaml", "")
  const old = handedPolicy(path, join(machine.cwd, "old"))
  await policyOf(consumer, "aged.yaml", "minIntegrityIndex: 50\n")
  const root = ["--policy-root", consumer.root]
  const numbered = await gate(bundles[0]!, old, ...root, "--policy-min-version", "2")
  expect(numbered).toMatchObject({ exit: 1, findings: [{ code: "policy/superseded" }] })
  expect(await gate(bundles[0]!, path, ...root)).toMatchObject({ exit: 0 })
  const put = await gate(bundles[0]!, old, ...root)
  expect(put).toMatchObject({ exit: 4, findings: [{ code: "config/superseded" }] })
})

test("B2: of two policies of one root and one file name, the one counts whose id is asked for", async () => {
  const staging = await signedPolicy(
    consumer,
    "two/p.yaml",
    policyText(producer.root, "", "staging"),
  )
  const lax = handedPolicy(staging, join(machine.cwd, "two"))
  const root = ["--policy-root", consumer.root]
  const strict = await policyOf(consumer, "p.yaml", "minOverall: 5\n")
  expect(await gate(bundles[0]!, lax, ...root, "--policy-id", "p")).toMatchObject({
    exit: 1,
    data: { policy: null, bundle: null },
    findings: [{ code: "policy/another" }],
  })
  expect(await gate(bundles[0]!, strict, ...root, "--policy-id", "p")).toMatchObject({
    exit: 1,
    findings: [{ code: "gate/overall" }],
  })
  expect(await gate(bundles[0]!, lax, ...root, "--policy-id", "staging")).toMatchObject({ exit: 0 })
})

test("B2: what can't be looked at is exit 3, wrong use 2, and neither passes", async () => {
  const policy = await policyOf(consumer, "h.yaml", "")
  const root = ["--policy-root", consumer.root]
  const gone = join(machine.cwd, "gone")
  expect(await gate(gone, policy, ...root)).toMatchObject({ exit: 3, ok: false })
  expect(await gate(bundles[0]!, gone, ...root)).toMatchObject({ exit: 3, ok: false })
  expect(await gate(bundles[0]!, policy, ...root, "--format", "pdf")).toMatchObject({ exit: 2 })
  expect(await gate(policy, policy, ...root)).toMatchObject({ exit: 1, ok: false })
  const fresh = makePlace()
  try {
    const words = ["gate", "--bundle", bundles[0]!, "--policy", policy]
    expect(await amcJson(fresh, words)).toMatchObject({ exit: 2, ok: false })
  } finally {
    fresh.remove()
  }
})

test("B2: the draft of a policy is one, in YAML and in JSON, and is not written over", async () => {
  for (const name of ["draft.yaml", "other.json"]) {
    const init = ["policy", "init", name, "--producer", producer.root]
    expect(await amcJson(consumer, init)).toMatchObject({ exit: 0 })
    expect(await amcJson(consumer, ["policy", "sign", name])).toMatchObject({ exit: 0 })
    expect(existsSync(join(consumer.cwd, `${name}.trust.json`))).toBe(true)
    expect(await amcJson(consumer, init)).toMatchObject({ exit: 2 })
    const policy = handedPolicy(join(consumer.cwd, name), machine.cwd)
    const { exit } = await gate(bundles[0]!, policy, "--policy-root", consumer.root)
    expect(exit).toBe(1)
  }
  consumer.write("bad.yaml", "v: 1\n")
  expect(await amcJson(consumer, ["policy", "sign", "bad.yaml"])).toMatchObject({ exit: 3 })
  consumer.write("gateway.yaml", policyText(producer.root))
  expect(await amcJson(consumer, ["policy", "sign", "gateway.yaml"])).toMatchObject({ exit: 2 })
})

test("B2: the workspace's own gatePolicy.json gates, signed as all of its config is", async () => {
  const policy = { v: 1, id: "own", producerRoots: [producer.root], requireObservedForLevel5: true }
  const path = join(consumer.cwd, ".amc", "gatePolicy.json")
  writeFileSync(
    path,
    JSON.stringify({ ...policy, denyIfLowTrust: false, allowLoopbackUpstreams: true }),
  )
  expect(await amcJson(consumer, ["config", "sign", "gatePolicy.json"])).toMatchObject({ exit: 0 })
  const words = ["gate", "--bundle", bundles[0]!, "--policy", path]
  expect(await amcJson(consumer, words)).toMatchObject({ exit: 0, ok: true })
})

test("the text of a gate goes to a person, with the verdict first", async () => {
  const policy = join(machine.cwd, "strict.yaml")
  const { exit, stdout } = await amc(machine, ["gate", "--bundle", bundles[0]!, "--policy", policy])
  expect(exit).toBe(1)
  expect(stdout).toMatch(/^REFUSED by 2 of \d+ rules, as of .* UTC\n/)
  expect(stdout).toContain("way out: ")
})
