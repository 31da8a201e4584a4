import { accepted, type Finding, rejected } from "@amc/core"
import { expect, test } from "vitest"
import { exitOf } from "./exit.ts"

const finding = (code: Finding["code"], tampered = false): Finding => ({
  code,
  subject: "",
  detail: "",
  tampered,
})
const plain = finding("bundle/unknown-root")
const unknown = finding("score/unknown-engine")
const tampered = finding("bundle/digest-mismatch", true)

test.each([
  { why: "an acceptance", verdict: accepted(1), exit: 0 },
  { why: "a rejection", verdict: rejected(plain), exit: 1 },
  { why: "an engine that is not known", verdict: rejected(unknown), exit: 3 },
  { why: "a bank that is not known", verdict: rejected(finding("score/unknown-bank")), exit: 3 },
  {
    why: "a version that is not known",
    verdict: rejected(plain, finding("input/unsupported-version")),
    exit: 3,
  },
  { why: "tampering", verdict: rejected(tampered), exit: 4 },
  { why: "tampering behind other findings", verdict: rejected(plain, unknown, tampered), exit: 4 },
])("exits with $exit for $why", ({ verdict, exit }) => {
  expect(exitOf(verdict)).toBe(exit)
})
