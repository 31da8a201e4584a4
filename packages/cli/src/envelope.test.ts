import { AmcError } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { errorEnvelope, outcomeEnvelope } from "./envelope.ts"

test("a command's envelope is one line with its data and its exit code", () => {
  const envelope = outcomeEnvelope("run list", { exit: 0, data: { runs: [] }, lines: ["x"] })
  expect(envelope).not.toContain("\n")
  expect(JSON.parse(envelope)).toEqual({
    schema: "amc.cli/v1",
    command: "run list",
    ok: true,
    exit: 0,
    data: { runs: [] },
    findings: [],
  })
})

test.each([1, 3, 4, 125])("exit code %i is not ok, and its findings are told", (exit) => {
  const finding = { code: "chain/hash" as const, subject: "event 4", detail: "d", tampered: true }
  const outcome = { exit, data: null, findings: [finding], lines: [] }
  expect(JSON.parse(outcomeEnvelope("verify", outcome))).toMatchObject({
    ok: false,
    exit,
    findings: [{ ...finding, next: null }],
  })
})

test.each([
  {
    why: "a wrong command line",
    error: new AmcError("usage/invalid", "what", { hint: "that" }),
    exit: 2,
    finding: { code: "usage/invalid", subject: "run", detail: "what", next: "that" },
  },
  {
    why: "a wrong command line without a hint",
    error: new AmcError("usage/invalid", "what"),
    exit: 2,
    finding: {
      code: "usage/invalid",
      subject: "run",
      detail: "what",
      next: "see 'amc run --help'",
    },
  },
  {
    why: "a fault without a hint",
    error: new AmcError("ledger/lane-taken", "why"),
    exit: 3,
    finding: {
      code: "ledger/lane-taken",
      subject: "run",
      detail: "why",
      next: "wait until the other amc of this workspace has ended",
    },
  },
  {
    why: "a fault that nobody knows a way out of",
    error: new AmcError("key/refused", "why"),
    exit: 3,
    finding: { code: "key/refused", subject: "run", detail: "why", next: null },
  },
  {
    why: "a bug",
    error: new TypeError("oh no"),
    exit: 70,
    finding: {
      code: "amc/bug",
      subject: "run",
      detail: expect.stringContaining("TypeError: oh no\n"),
      next: null,
    },
  },
])("$why has the same envelope", ({ error, exit, finding }) => {
  expect(JSON.parse(errorEnvelope("run", error))).toEqual({
    schema: "amc.cli/v1",
    command: "run",
    ok: false,
    exit,
    data: null,
    findings: [finding],
  })
})

const unit = fc.oneof(
  fc.nat(0x10ffff).map((point) => String.fromCodePoint(point)),
  fc.constantFrom("\u007F", "\u009B", "\u202E", "\u2028", "\u{E0041}", "\uD800"),
)

test("whatever the data holds, it comes back the same and can't steer a terminal", () => {
  fc.assert(
    fc.property(fc.string({ unit }), (text) => {
      const envelope = outcomeEnvelope("x", { exit: 0, data: text, lines: [] })
      expect(envelope).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u)
      expect(JSON.parse(envelope).data).toBe(text)
    }),
  )
})
