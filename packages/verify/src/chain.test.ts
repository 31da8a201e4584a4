import {
  canonicalize,
  type Finding,
  type SignedLeaf,
  signLeaf,
  systemAgent,
  text,
  utf8,
  type Verdict,
} from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { makeRun } from "./bundle.fixture.ts"
import { type ChainTerms, verifyChain } from "./chain-check.ts"
import { findingsMax } from "./finding-list.ts"
import { exitOf } from "./exit.ts"
import { agent, LaneFixture, recordCall, recordSession, signedTogether } from "./lane.fixture.ts"
import { laneName, makeWorld, startMs, type World } from "./world.fixture.ts"

const { world, lane } = makeRun()
const terms: ChainTerms = { lane: laneName, keyring: world.keyring }
const all = signedTogether(lane.leaves, world.signers.monitor, 5)

function codes(verdict: Verdict<unknown>): string[] {
  return verdict.accepted ? [] : [...new Set(verdict.findings.map(({ code }) => code))]
}

const flipLast = (signed: SignedLeaf): SignedLeaf => {
  const leaf = Uint8Array.from(signed.leaf)
  leaf[leaf.length - 3]! ^= 1
  return { ...signed, leaf }
}
const unsigned = (leaf: Uint8Array): SignedLeaf => ({ ...all[5]!, leaf })
const bySignature = (signature: string): SignedLeaf[] => put({ ...all[5]!, signature })
const put = (signed: SignedLeaf): SignedLeaf[] => (all as SignedLeaf[]).with(5, signed)
const parts = all[5]!.signature.split(" ")

test("accepts a lane, and each agent's slice of it, and says where they end", () => {
  expect(verifyChain(all, terms)).toEqual({
    accepted: true,
    value: {
      events: all.length,
      heads: new Map(
        [agent, systemAgent].map((of) => [
          of,
          { aseq: lane.slice(of).length - 1, event_hash: lane.slice(of).at(-1)!.hash },
        ]),
      ),
      sessions: { open: 0, sealed: 2 },
    },
  })
  for (const of of [agent, systemAgent])
    expect(
      codes(
        verifyChain(
          all.filter(({ event }) => event.agent === of),
          { ...terms, agent: of },
        ),
      ),
    ).toEqual([])
})

test("accepts a lane whose last session is still open", () => {
  const live = new LaneFixture(world)
  recordSession(live, "s", false)
  const verdict = verifyChain(live.leaves, terms)
  expect(verdict).toMatchObject({ accepted: true, value: { sessions: { open: 1, sealed: 0 } } })
})

const other = makeWorld("somebody else")
const renamed = (leaf: Uint8Array, kid: string): Uint8Array =>
  utf8(text(leaf).replace(/"kid":"[0-9a-f]{64}"/u, `"kid":"${kid}"`))

test.each([
  {
    why: "L01 a changed bit",
    leaves: put(flipLast(all[5]!)),
    code: "ledger/signature-invalid",
  },
  { why: "L02 an event left out", leaves: all.toSpliced(5, 1), code: "ledger/lane-broken" },
  {
    why: "L04 two events in each other's place",
    leaves: all.with(5, all[6]!).with(6, all[5]!),
    code: "ledger/lane-broken",
  },
  { why: "L06 an event twice", leaves: all.toSpliced(5, 0, all[5]!), code: "ledger/id-repeated" },
  { why: "its beginning left out", leaves: all.slice(1), code: "ledger/lane-broken" },
  {
    why: "L27 a signature of zeros",
    leaves: bySignature(parts.with(2, `${"A".repeat(86)}==`).join(" ")),
    code: "ledger/signature-invalid",
  },
  {
    why: "L27 the signature of another event of its commit",
    leaves: bySignature(all[6]!.signature),
    code: "ledger/signature-invalid",
  },
  {
    why: "L27 another commit's signature",
    leaves: bySignature(parts.with(2, all[0]!.signature.split(" ")[2]!).join(" ")),
    code: "ledger/signature-invalid",
  },
  {
    why: "a signature over another size",
    leaves: bySignature(parts.with(1, "6").join(" ")),
    code: "ledger/signature-invalid",
  },
  {
    why: "a signature without its path",
    leaves: bySignature(parts.slice(0, 3).join(" ")),
    code: "ledger/signature-invalid",
  },
  {
    why: "no signature",
    leaves: bySignature(""),
    code: "ledger/signature-invalid",
  },
  {
    why: "another key's name on it (S03)",
    leaves: put(unsigned(renamed(all[5]!.leaf, other.signers.monitor.key.kid))),
    code: "ledger/unknown-key",
  },
  {
    why: "another version's number on it",
    leaves: put(unsigned(utf8(text(all[5]!.leaf).replace(/"v":1\}$/u, '"v":2}')))),
    code: "ledger/signature-invalid",
  },
  {
    why: "another version's number and no key",
    leaves: [...all, unsigned(utf8('{"v":2}'))],
    code: "ledger/signature-invalid",
  },
  {
    why: "another version's number and another's key",
    leaves: [...all, unsigned(utf8(`{"kid":"${other.signers.monitor.key.kid}","v":2}`))],
    code: "ledger/unknown-key",
  },
  { why: "an empty leaf", leaves: put(unsigned(new Uint8Array(0))), code: "ledger/leaf-malformed" },
  {
    why: "text for a leaf",
    leaves: put(unsigned(utf8("amc-leaf/v1\n".repeat(40)))),
    code: "ledger/leaf-malformed",
  },
  {
    why: "L07 another lane's events",
    leaves: madeBy(world, "other").slice(0, 3),
    code: "ledger/foreign-lane",
  },
  { why: "L08 another workspace's events", leaves: madeBy(other), code: "ledger/unknown-key" },
])("$why is found", ({ leaves, code }) => {
  const verdict = verifyChain(leaves, terms)
  expect(codes(verdict)).toContain(code)
  expect(exitOf(verdict)).toBe(4)
})

function madeBy(by: World, name: string = laneName): readonly SignedLeaf[] {
  const made = new LaneFixture(by, name)
  recordSession(made, "s")
  return made.leaves
}

test("L08 knows a lane that starts from another root, although the same key signed it", () => {
  const moved = new LaneFixture({ ...other, signers: world.signers })
  recordSession(moved, "s")
  const verdict = verifyChain(moved.leaves, terms)
  expect(codes(verdict)).toEqual(["ledger/lane-broken", "ledger/agent-broken"])
})

test("names the row and goes on after it", () => {
  const verdict = verifyChain(put(flipLast(all[5]!)), terms)
  expect(verdict.accepted || verdict.findings.map(({ subject }) => subject)).toContain(
    `event 5 of lane ${laneName}`,
  )
  expect(verdict.accepted || verdict.findings.length).toBeLessThan(6)
})

test("finds an event that an agent's slice lacks or that is not the agent's", () => {
  const mine = all.filter(({ event }) => event.agent === agent)
  const slice = { ...terms, agent }
  expect(codes(verifyChain(mine.toSpliced(3, 1), slice))).toContain("ledger/agent-broken")
  expect(codes(verifyChain(all, slice))).toContain("ledger/foreign-agent")
})

const lie = (place: Record<string, unknown>) => (made: LaneFixture) => {
  recordSession(made, "s", false)
  made.record(
    "gap",
    { reason: "crash", open_calls: 0, open_sessions: 0, last_ts: 0 },
    { agent: systemAgent, channel: "recorder", lie: place },
  )
}
const sealLie = (change: Record<string, unknown>) => (made: LaneFixture) => {
  recordSession(made, "s", false)
  const events = made.slice(agent)
  const honest = {
    first_aseq: 0,
    last_aseq: events.length - 1,
    events: events.length,
    last_event_hash: events.at(-1)!.hash,
  }
  made.record(
    "session_seal",
    { reason: "exited", posture: "shared", hardened: false, ...honest, ...change },
    { session: "s" },
  )
}
const sealed = (then: (made: LaneFixture) => void) => (made: LaneFixture) => {
  recordSession(made, "s")
  then(made)
}
const opened = (made: LaneFixture, session: string): void => recordSession(made, session, false, 0)

test.each([
  {
    why: "L18 time that goes back",
    write: lie({ ts: startMs - 1 }),
    code: "ledger/time-decreased",
    exit: 1,
  },
  {
    why: "an id that another event has",
    write: lie({ id: "01980000-0000-7000-8000-000000000001" }),
    code: "ledger/id-repeated",
    exit: 1,
  },
  {
    why: "an id of its own that is not greater than those before it",
    write: lie({ id: "01970000-0000-7000-8000-000000000001" }),
    code: "ledger/id-repeated",
    exit: 1,
  },
  {
    why: "a link to something else",
    write: lie({ lprev: "0".repeat(64) }),
    code: "ledger/lane-broken",
    exit: 4,
  },
  {
    why: "an agent's link to something else",
    write: lie({ aprev: "0".repeat(64) }),
    code: "ledger/agent-broken",
    exit: 4,
  },
  {
    why: "an event after the seal",
    write: sealed((made) => recordCall(made, "s", 9)),
    code: "session/after-seal",
    exit: 4,
  },
  {
    why: "a second seal",
    write: sealed((made) => sealLie({})(made)),
    code: "session/after-seal",
    exit: 4,
  },
  {
    why: "a seal over fewer events",
    write: sealLie({ events: 1 }),
    code: "session/seal-contradicted",
    exit: 4,
  },
  {
    why: "a seal over another last event",
    write: sealLie({ last_event_hash: "0".repeat(64) }),
    code: "session/seal-contradicted",
    exit: 4,
  },
  {
    why: "a seal that starts later",
    write: sealLie({ first_aseq: 1 }),
    code: "session/seal-contradicted",
    exit: 4,
  },
  {
    why: "a seal that ends earlier",
    write: sealLie({ last_aseq: 1 }),
    code: "session/seal-contradicted",
    exit: 4,
  },
  {
    why: "a session that was never opened",
    write: (made: LaneFixture) => recordCall(made, "s", 0),
    code: "session/not-opened",
    exit: 1,
  },
  {
    why: "a session that is opened twice",
    write: (made: LaneFixture) => [opened(made, "s"), opened(made, "s")],
    code: "session/opened-twice",
    exit: 1,
  },
  {
    why: "an answer to a request of another session",
    write: answersAcross,
    code: "session/no-request",
    exit: 1,
  },
  {
    why: "another agent in a session",
    write: (made: LaneFixture) => [
      opened(made, "s"),
      made.record(
        "outcome",
        {
          check_sha256: "0".repeat(64),
          exit_code: 0,
          timed_out: false,
          duration_ms: 1,
          passed: true,
        },
        { session: "s", agent: "mallory" },
      ),
    ],
    code: "session/foreign-agent",
    exit: 1,
  },
])("$why is found, even if the monitor signed it", ({ write, code, exit }) => {
  const made = new LaneFixture(world)
  write(made)
  const verdict = verifyChain(made.leaves, terms)
  expect(codes(verdict)).toContain(code)
  expect(exitOf(verdict)).toBe(exit)
})

function answersAcross(made: LaneFixture): void {
  opened(made, "a")
  recordCall(made, "a", 0)
  opened(made, "b")
  const { event } = made.leaves.find((one) => one.event.type === "llm_response")!
  if (event.type === "llm_response")
    made.record("llm_response", event.facts.measured, { session: "b" }, event.facts.reported)
}

test.each([
  { why: "for another lane", terms: { lanes: ["other"] } },
  { why: "until an earlier time (S06)", terms: { valid_to_ms: startMs + 15 } },
  { why: "from a later time", terms: { valid_from_ms: startMs + 1_000_000 } },
  { why: "up to an earlier place (S08)", terms: { valid_to_index: 1 } },
])("finds events by a key that was certified $why", ({ terms: monitor }) => {
  const limited = makeRun(makeWorld("owner", { monitor }))
  const verdict = verifyChain(limited.lane.leaves, {
    lane: laneName,
    keyring: limited.world.keyring,
  })
  expect(codes(verdict)).toEqual(["trust/key-out-of-place"])
  expect(exitOf(verdict)).toBe(1)
})

test("finds events that a key of another role signed (S07)", () => {
  const made = new LaneFixture(world)
  made.signer = world.signers.auditor
  recordSession(made, "s")
  expect(codes(verifyChain(made.leaves, terms))).toEqual(["ledger/unknown-key"])
})

test("says that it can't look at a later version of an event, and that there is one kind of leaf", () => {
  const made = new LaneFixture(world)
  recordSession(made, "s")
  const leaves = made.leaves
  const body = canonicalize({ ...made.leaves.at(-1)!.event, v: 2 } as never)
  const event = verifyChain([...leaves, signLeaf(body, world.signers.monitor)], terms)
  expect(codes(event)).toEqual(["input/unsupported-version"])
  expect(exitOf(event)).toBe(3)
  const leaf = unsigned(utf8(`amc-leaf/v2\n${"0".repeat(300)}`))
  const verdict = verifyChain([...leaves, leaf], terms)
  expect(codes(verdict)).toEqual(["ledger/leaf-malformed", "ledger/signature-invalid"])
  expect(exitOf(verdict)).toBe(4)
})

test("keeps a bounded number of findings and none of the guilt", () => {
  const verdict = verifyChain(
    Array.from({ length: 5000 }, () => unsigned(Uint8Array.of(1))),
    terms,
  )
  const findings: readonly Finding[] = verdict.accepted ? [] : verdict.findings
  expect(findings).toHaveLength(findingsMax + 1)
  expect(findings.at(-1)).toMatchObject({ code: "verify/more", tampered: true })
})

test("any changed bit of any leaf is found as tampering", () => {
  const bits = all.map(({ leaf }, row) => ({ row, bits: leaf.length * 8 }))
  fc.assert(
    fc.property(fc.constantFrom(...bits), fc.nat(), ({ row, bits }, pick) => {
      const leaf = Uint8Array.from(all[row]!.leaf)
      const bit = pick % bits
      leaf[bit >> 3]! ^= 1 << (bit & 7)
      expect(exitOf(verifyChain(all.with(row, { ...all[row]!, leaf }), terms))).toBe(4)
    }),
    { numRuns: 300 },
  )
})

test("any changed character of any signature is found as tampering", () => {
  fc.assert(
    fc.property(
      fc.nat(all.length - 1),
      fc.nat(),
      fc.string({ unit: "binary", maxLength: 1 }),
      (row, pick, put) => {
        const { signature } = all[row]!
        const at = pick % signature.length
        fc.pre(signature[at] !== put)
        const changed = signature.slice(0, at) + put + signature.slice(at + 1)
        const leaves = all.with(row, { ...all[row]!, signature: changed })
        expect(codes(verifyChain(leaves, terms))).toEqual(["ledger/signature-invalid"])
      },
    ),
    { numRuns: 300 },
  )
})

test("L02 L04 L05 L06 removing, repeating or moving any events never passes, except at the end", () => {
  const rows = fc.array(fc.nat(all.length - 1), { maxLength: all.length + 2 })
  fc.assert(
    fc.property(rows, (order) => {
      const isPrefix = order.every((row, at) => row === at)
      expect(
        verifyChain(
          order.map((row) => all[row]!),
          terms,
        ).accepted,
      ).toBe(isPrefix)
    }),
    { numRuns: 200 },
  )
})

test("never throws, whatever the bytes", () => {
  const anyLeaf = fc.record({
    leaf: fc.uint8Array({ maxLength: 400 }),
    signature: fc.string({ unit: "binary" }),
  })
  fc.assert(
    fc.property(fc.array(anyLeaf, { minLength: 1 }), (leaves) => {
      expect(verifyChain(leaves, terms).accepted).toBe(false)
    }),
  )
})
