import type { BundleParts } from "@amc/bundle"
import { type Facts, sha256Hex, systemAgent, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { bundleOf, dayMs, openRun, partsOf, recordChange, recordSystem } from "./bundle.fixture.ts"
import { verifyBundle } from "./bundle.ts"
import { LaneFixture, recordSession } from "./lane.fixture.ts"
import { makeWorld, startMs } from "./world.fixture.ts"

const world = makeWorld()
const policy = utf8("v: 1\ndays: {agent_stdout: 30}\n")
const output = utf8("what the agent printed")

interface PruneTerms {
  readonly events: readonly number[]
  readonly afterDays?: number
  readonly says?: Partial<Facts<"payload_prune">["measured"]>
  readonly holds?: Uint8Array | null
}

function payloadOf(bytes: Uint8Array): { readonly sha256: string; readonly size: number } & {
  readonly media: string
  readonly blob_sha256: string
} {
  const sha256 = sha256Hex(bytes)
  return { sha256, size: bytes.length, media: "text/plain", blob_sha256: sha256 }
}

/** A run after a session that printed something, the payload of which was let go later. */
function prunedRun(terms: (printed: number) => PruneTerms): {
  readonly parts: BundleParts
  readonly atMs: number
} {
  const lane = new LaneFixture(world)
  recordSystem(lane)
  recordChange(lane, { path: "retention.yaml", sha256: sha256Hex(policy), version: 1 })
  recordSession(lane, "s-0", false)
  const at = { session: "s-0", payload: payloadOf(output) }
  const facts = { offset: 0, bytes: output.length, stored: true, secrets_found: 0 }
  const printed = lane.record("agent_stdout", facts, at).event.lseq
  const { events, afterDays = 31, says = {}, holds = policy } = terms(printed)
  lane.record(
    "payload_prune",
    {
      policy_sha256: sha256Hex(policy),
      policy_version: 1,
      events: [...events],
      payloads: 1,
      bytes: output.length,
      ...says,
    },
    {
      agent: systemAgent,
      afterMs: afterDays * dayMs,
      ...(holds === null ? {} : { payload: payloadOf(holds) }),
    },
  )
  const runOpened = openRun(lane)
  const policies = holds === null ? [] : [holds]
  return {
    parts: { ...partsOf({ world, lane, runOpened }), policies },
    atMs: runOpened.event.ts,
  }
}

async function judged(
  { parts, atMs }: ReturnType<typeof prunedRun>,
  nowMs = atMs,
): Promise<unknown> {
  const terms = { rootSha256: world.rootSha256, atMs: nowMs }
  const verdict = await verifyBundle(await bundleOf(parts, world), terms)
  if (verdict.accepted) return verdict.value.summary.pruned
  return verdict.findings.map(({ code, tampered }) => [code, tampered])
}

const refused = [["ledger/prune-refused", true]]

test("a bundle says how many of its payloads the signed policy let go", async () => {
  expect(await judged(prunedRun((printed) => ({ events: [printed] })))).toBe(1)
})

test("what a prune names of other agents is not in the slice and not judged", async () => {
  expect(await judged(prunedRun((printed) => ({ events: [1, printed] })))).toEqual(refused)
  expect(await judged(prunedRun((printed) => ({ events: [3, printed] })))).toBe(1)
})

test.each<{ why: string; terms: Omit<PruneTerms, "events"> }>([
  { why: "too early", terms: { afterDays: 29 } },
  { why: "by another version", terms: { says: { policy_version: 2 } } },
  {
    why: "by a policy that nobody signed",
    terms: {
      holds: utf8("v: 1\ndays: {agent_stdout: 1}\n"),
      says: { policy_sha256: sha256Hex(utf8("v: 1\ndays: {agent_stdout: 1}\n")) },
    },
  },
  { why: "with another policy than it names", terms: { holds: utf8("v: 1\ndays: {}\n") } },
  {
    why: "with a milder policy than it names",
    terms: { holds: utf8("v: 1\ndays: {agent_stdout: 1}\n"), afterDays: 5 },
  },
  { why: "without the policy", terms: { holds: null } },
])("refuses a prune $why", async ({ terms }) => {
  expect(await judged(prunedRun((printed) => ({ events: [printed], ...terms })))).toEqual(refused)
})

test("refuses a prune that was dated ahead", async () => {
  const run = prunedRun((printed) => ({ events: [printed], afterDays: 31 }))
  expect(await judged(run, startMs + 10 * dayMs)).toEqual(refused)
})

test("refuses a policy that no prune names, and one that is not what its name says", async () => {
  const run = prunedRun((printed) => ({ events: [printed] }))
  const more = { ...run.parts, policies: [...run.parts.policies, utf8("another")] }
  expect(await judged({ ...run, parts: more })).toEqual([["bundle/config-unnamed", false]])
  const none = { ...run.parts, policies: [] }
  expect(await judged({ ...run, parts: none })).toEqual(refused)
})
