import { type Event, type EventBody, systemAgent } from "@amc/core"
import { expect, test } from "vitest"
import { agent } from "../lane.fixture.ts"
import { Completeness } from "./completeness.ts"

interface Head {
  readonly lane: string
  readonly agent: string
  readonly aseq: number
  readonly event_hash: string
}

const other: Head = { lane: "other", agent, aseq: 1, event_hash: "end" }

/** Of a run that is the tenth event of its lane and the fourth of its agent's chain there. */
function completeness(heads: readonly Head[]): Completeness {
  const run = { lane: "own", lseq: 9, agent, aseq: 3, facts: { measured: { heads } } }
  return new Completeness(run as unknown as EventBody<"run_opened">)
}

test.each([
  { at: { lane: "own", lseq: 8, agent, aseq: 99 }, isCovered: true },
  { at: { lane: "own", lseq: 9, agent, aseq: 0 }, isCovered: false },
  { at: { lane: "own", lseq: 8, agent: systemAgent, aseq: 0 }, isCovered: true },
  { at: { lane: "own", lseq: 0, agent: "somebody", aseq: 0 }, isCovered: false },
  { at: { lane: "other", lseq: 99, agent, aseq: 1 }, isCovered: true },
  { at: { lane: "other", lseq: 0, agent, aseq: 2 }, isCovered: false },
  { at: { lane: "other", lseq: 0, agent: systemAgent, aseq: 0 }, isCovered: false },
  { at: { lane: "third", lseq: 0, agent, aseq: 0 }, isCovered: false },
])("of $at it is $isCovered that the run names it", ({ at, isCovered }) => {
  expect(completeness([other]).covers(at as Event)).toBe(isCovered)
})

test.each<{
  why: string
  own: readonly number[]
  system?: readonly number[]
  heads?: readonly Head[]
  others?: readonly (readonly [number, string])[]
  missing: number
}>([
  { why: "all are there", own: [0, 1, 2], missing: 0 },
  { why: "in any order", own: [2, 0, 1], missing: 0 },
  { why: "the last is not", own: [0, 1], missing: 1 },
  { why: "one between is not", own: [0, 2], missing: 1 },
  { why: "the first two are not", own: [2], missing: 2 },
  { why: "none is", own: [], missing: 3 },
  { why: "one is twice", own: [0, 1, 2, 2], missing: 1 },
  { why: "one is twice out of its order", own: [0, 2, 2, 1], missing: 1 },
  { why: "one is three times and one is not", own: [0, 2, 2, 2], missing: 3 },
  { why: "some lie beyond the end", own: [0, 1, 2, 5], missing: 2 },
  { why: "a chain that nothing names", own: [0, 1, 2], system: [0, 1], missing: 0 },
  { why: "a hole in it", own: [0, 1, 2], system: [0, 2], missing: 1 },
  { why: "its beginning", own: [0, 1, 2], system: [1], missing: 1 },
  {
    why: "another lane to its end",
    own: [0, 1, 2],
    heads: [other],
    others: [
      [0, "a"],
      [1, "end"],
    ],
    missing: 0,
  },
  { why: "its end", own: [0, 1, 2], heads: [other], others: [[0, "a"]], missing: 2 },
  { why: "all of it", own: [0, 1, 2], heads: [other], missing: 3 },
  {
    why: "another event at its end",
    own: [0, 1, 2],
    heads: [other],
    others: [
      [0, "a"],
      [1, "forged"],
    ],
    missing: 1,
  },
  {
    why: "somebody else's chain is none of it",
    own: [0, 1, 2],
    heads: [{ ...other, agent: "somebody" }],
    missing: 0,
  },
])("counts what is missing: $why", ({ own, system = [], heads = [], others = [], missing }) => {
  const complete = completeness(heads)
  const add = (hash: string, at: object): void => complete.add({ hash, event: at as Event })
  for (const aseq of own) add(`own ${aseq}`, { lane: "own", agent, aseq })
  for (const aseq of system) add(`system ${aseq}`, { lane: "own", agent: systemAgent, aseq })
  for (const [aseq, hash] of others) add(hash, { lane: "other", agent, aseq })
  expect(complete.missing).toBe(missing)
})
