import { equationTrials, platformEquation } from "@amc/core"
import type { SignedMessage } from "@amc/verify"
import { seededSigner } from "@amc/testkit"
import { expect, test } from "vitest"
import { type Subtle, webEquations } from "./web-equation.ts"

const { subtle } = globalThis.crypto
const signer = seededSigner("monitor")
const signed = Array.from({ length: 600 }, (_, at): SignedMessage => {
  const message = new Uint8Array(40).fill(at % 251)
  return { key: signer.key, message, signature: signer.sign(message) }
})
const [first] = signed as [SignedMessage]

interface Steps {
  signatures: number
  judged: number
}

async function looked(
  by: Subtle | undefined,
  ahead: readonly SignedMessage[] = signed,
): Promise<{ equation: typeof platformEquation; steps: Steps }> {
  const steps = { signatures: 0, judged: 0 }
  const equation = await webEquations(by, {
    signature: () => steps.signatures++,
    judged: () => steps.judged++,
  })(ahead)
  return { equation, steps }
}

const holds = (
  { equation }: { equation: typeof platformEquation },
  { key, message, signature }: SignedMessage,
): boolean => equation(key, message, signature)

test("finds what is good ahead, each once, and says yes of it", async () => {
  const found = await looked(subtle)
  expect(found.steps).toEqual({ signatures: 600, judged: 0 })
  expect(signed.every((each) => holds(found, each))).toBe(true)
  expect(found.steps).toEqual({ signatures: 600, judged: 600 })
})

test("says yes of nothing but the very three that were looked at", async () => {
  const found = await looked(subtle, [first])
  const other = seededSigner("other")
  const wrong: readonly SignedMessage[] = [
    { ...first, key: other.key },
    { ...first, message: first.message.with(0, 9) },
    { ...first, signature: first.signature.with(0, 9) },
    { ...first, signature: other.sign(first.message) },
  ]
  expect(wrong.map((each) => holds(found, each))).toEqual([false, false, false, false])
})

test.each<{ why: string; by: Subtle | undefined }>([
  { why: "there is no WebCrypto", by: undefined },
  {
    why: "it knows no Ed25519",
    by: { ...methods(), importKey: () => Promise.reject(new Error()) },
  },
  { why: "it says yes of all", by: { ...methods(), verify: () => Promise.resolve(true) } },
  { why: "it says no of all", by: { ...methods(), verify: () => Promise.resolve(false) } },
])("where $why, every verdict is the platform's own", async ({ by }) => {
  const found = await looked(by)
  expect(found.steps.signatures).toBe(0)
  const all = [first, ...equationTrials, { ...first, signature: first.signature.with(40, 9) }]
  expect(all.map((each) => holds(found, each))).toEqual(
    all.map(({ key, message, signature }) => platformEquation(key, message, signature)),
  )
})

test("what it refuses and the platform accepts is accepted, as without it", async () => {
  let asked = 0
  const moody: Subtle = {
    ...methods(),
    // As it should for the trials, and no more after them.
    verify: (...of) =>
      asked++ < equationTrials.length ? subtle.verify(...of) : Promise.resolve(false),
  }
  const found = await looked(moody)
  expect(holds(found, first)).toBe(true)
})

function methods(): Subtle {
  return { importKey: subtle.importKey.bind(subtle), verify: subtle.verify.bind(subtle) }
}
