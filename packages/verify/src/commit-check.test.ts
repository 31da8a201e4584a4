import {
  canonicalize,
  type EquationCheck,
  hashLeaf,
  platformEquation,
  signCommit,
  utf8,
} from "@amc/core"
import { seededSigner } from "@amc/testkit"
import { expect, test } from "vitest"
import { CommitCheck, kidNamedIn } from "./commit-check.ts"

const [own, other] = [seededSigner("own"), seededSigner("other")]
const leaves = ["a", "b", "c"].map((leaf) => hashLeaf(utf8(leaf))) as [
  Uint8Array,
  Uint8Array,
  Uint8Array,
]
type Spelled = [string, string, string]
const spelled = signCommit(leaves, own) as Spelled

function counted(): { readonly check: CommitCheck; readonly asked: () => number } {
  let asked = 0
  const equation: EquationCheck = (...of) => {
    asked++
    return platformEquation(...of)
  }
  return { check: new CommitCheck(equation), asked: () => asked }
}

test("verifies the one signature of a commit once", () => {
  const { check, asked } = counted()
  expect(leaves.map((leaf, at) => check.isSigned(leaf, spelled[at]!, own.key))).toEqual([
    true,
    true,
    true,
  ])
  expect(asked()).toBe(1)
})

const forged = (signCommit(leaves, other) as Spelled)[1]

test.each([
  { why: "another key's name", leaf: leaves[1], signature: spelled[1], key: other.key },
  { why: "another leaf", leaf: leaves[2], signature: spelled[1], key: own.key },
  { why: "another signature", leaf: leaves[1], signature: forged, key: own.key },
])("what it found of a commit says nothing of a neighbour with $why", (next) => {
  const { check } = counted()
  expect(check.isSigned(leaves[0], spelled[0], own.key)).toBe(true)
  expect(check.isSigned(next.leaf, next.signature, next.key)).toBe(false)
  expect(check.isSigned(next.leaf, next.signature, next.key)).toBe(false)
  expect(check.isSigned(leaves[2], spelled[2], own.key)).toBe(true)
})

const kid = own.key.kid

test.each([
  { why: "an event", leaf: { id: "i", kid, v: 1 }, named: kid },
  { why: "one of a version with other members", leaf: { kid, lanes: [], v: 2 }, named: kid },
  { why: "one that holds another", leaf: { a: { id: "i", kid, lane: "l" }, v: 2 } },
  { why: "one with the name of no key", leaf: { kid: "\u001b[31m", v: 2 } },
  { why: "no object", leaf: [kid] },
  { why: "null", leaf: null },
])("the key that is named in $why", ({ leaf, named }) => {
  expect(kidNamedIn(canonicalize(leaf))).toBe(named)
  expect(kidNamedIn(utf8(` ${JSON.stringify(leaf)}`))).toBeUndefined()
})
