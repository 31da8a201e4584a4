import { type Revocation, sha256Hex, type Signer, systemAgent, utf8 } from "@amc/core"
import { expect, test } from "vitest"
import { dayMs, recordChange, recordSystem } from "./bundle.fixture.ts"
import { LaneFixture, recordSession } from "./lane.fixture.ts"
import { verifyPayloads } from "./payloads.ts"
import { laneName, makeWorld, startMs } from "./world.fixture.ts"

const policy = utf8("v: 1\ndays: {agent_stdout: 30}\n")
const output = utf8("what the agent printed")
const stranger = makeWorld("stranger").signers.monitor
const monitor = makeWorld().signers.monitor.key.kid
const auditor = makeWorld().signers.auditor.key.kid

interface Terms {
  readonly revoked?: readonly Revocation[]
  /** Whose key signs the prune; in its own name, or in the monitor's. */
  readonly signer?: Signer
  readonly stored?: boolean
}

/** A lane whose one output was let go a day after the policy allows it. */
async function judged({ revoked = [], signer, stored = false }: Terms): Promise<unknown> {
  const world = makeWorld("owner", {}, revoked)
  const lane = new LaneFixture(world)
  recordSystem(lane)
  const change = { path: "retention.yaml", sha256: sha256Hex(policy), version: 1 }
  recordChange(lane, change)
  recordSession(lane, "s-0", false)
  const at = (bytes: Uint8Array): object => {
    const sha256 = sha256Hex(bytes)
    return { payload: { sha256, size: bytes.length, media: "text/plain", blob_sha256: sha256 } }
  }
  const facts = { offset: 0, bytes: output.length, stored: true, secrets_found: 0 }
  const printed = lane.record("agent_stdout", facts, { session: "s-0", ...at(output) })
  lane.signer = signer ?? lane.signer
  lane.record(
    "payload_prune",
    {
      policy_sha256: sha256Hex(policy),
      policy_version: 1,
      events: [printed.event.lseq],
      payloads: 1,
      bytes: output.length,
    },
    { agent: systemAgent, afterMs: 31 * dayMs, ...at(policy) },
  )
  const blobs = new Map([...lane.changes, [sha256Hex(policy), policy] as const])
  if (stored) blobs.set(sha256Hex(output), output)
  const source = {
    lanes: async () => [laneName],
    async *leaves() {
      yield* lane.leaves
    },
    blob: async (sha256: string) => blobs.get(sha256) ?? null,
  }
  const atMs = startMs + 40 * dayMs
  const verdict = await verifyPayloads(source, { keyring: world.keyring, atMs })
  return verdict.accepted ? verdict.value : verdict.findings.map(({ code }) => code)
}

const stolen = (kid: string): Revocation => ({
  kid,
  reason: "compromised",
  from_ms: startMs,
  from_index: null,
})
const refused = ["ledger/prune-refused", "ledger/blob-missing"]

test("tells a payload that was let go from those that are there", async () => {
  expect(await judged({})).toEqual({ blobs: 3, pruned: 1 })
  expect(await judged({ stored: true })).toEqual({ blobs: 4, pruned: 0 })
})

test.each<{ why: string; terms: Terms }>([
  { why: "that a stranger signed", terms: { signer: stranger } },
  {
    why: "that a stranger signed in the monitor's name",
    terms: { signer: { ...stranger, key: makeWorld().signers.monitor.key } },
  },
  { why: "by a monitor's key that was stolen", terms: { revoked: [stolen(monitor)] } },
  {
    why: "by the policy of an auditor's key that was stolen",
    terms: { revoked: [stolen(auditor)] },
  },
])("a prune $why excuses nothing", async ({ terms }) => {
  expect(await judged(terms)).toEqual(refused)
  expect(await judged({ ...terms, stored: true })).toEqual(["ledger/prune-refused"])
})
