import { AmcError, type ErrorCode, errorCodes } from "@amc/core"
import { expect, test } from "vitest"
import { describeFinding, Exit, exitOfError } from "./exit.ts"

const codes = Object.keys(errorCodes) as ErrorCode[]

test("every fault is a wrong command line or a thing that could not be looked at", () => {
  expect(codes.length).toBeGreaterThan(30)
  const byCode = codes.map((code) => [code, exitOfError(new AmcError(code, "m"))] as const)
  expect(byCode.filter(([, exit]) => exit === Exit.usage)).toEqual([["usage/invalid", 2]])
  for (const [code, exit] of byCode) expect([code, exit]).toEqual([code, exit === 2 ? 2 : 3])
})

test("an agent that could not be started is 125 where its own exit code is passed on", () => {
  const error = new AmcError("sandbox/start-failed", "m")
  const exits = ["wrap", "sandbox run", "score"].map((command) => exitOfError(error, command))
  expect(exits).toEqual([125, 125, 3])
})

test.each([
  { why: "an error that is no fault", thrown: new TypeError("x is not a function") },
  { why: "a fault's lookalike", thrown: Object.assign(new Error("m"), { code: "usage/invalid" }) },
  { why: "a system error", thrown: Object.assign(new Error("m"), { code: "ENOENT" }) },
  { why: "a text", thrown: "usage/invalid" },
  { why: "nothing", thrown: undefined },
])("$why is a bug", ({ thrown }) => {
  expect(exitOfError(thrown)).toBe(70)
})

test("the exit codes are those that scripts rely on", () => {
  expect(Exit).toEqual({
    accepted: 0,
    rejected: 1,
    usage: 2,
    fault: 3,
    tampered: 4,
    notStarted: 125,
    bug: 70,
  })
})

test("a finding is one line: its code, what it is about, and why", () => {
  const finding = { code: "chain/hash" as const, subject: "event 4", detail: "d", tampered: true }
  expect(describeFinding(finding)).toBe("chain/hash: event 4: d")
})
