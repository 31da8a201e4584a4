import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { bankDoc, readBankDoc, readWaiting } from "./bank-doc.fixture.ts"
import { readBank } from "./bank.fixture.ts"
import { bankSha256, currentBank } from "./index.ts"
import { type Bank, type Question, questionsOf } from "./v1/bank.ts"
import { bankSchema } from "./v1/bank-schema.ts"

test("the bank that is shipped is the one that is written in YAML", () => {
  expect(readBank()).toEqual(currentBank)
  expect(bankSha256(readBank())).toBe(bankSha256(currentBank))
})

test.each<{ why: string; change: (bank: Bank) => unknown }>([
  {
    why: "a weight above 1, which would make evidence of nothing",
    change: (bank) => ({
      ...bank,
      tier_weights_per_mille: { ...bank.tier_weights_per_mille, OBSERVED_HARDENED: 1100 },
    }),
  },
  {
    why: "a threshold that falls",
    change: (bank) => withRate(bank, { thresholds: [300, 500, 400, 850, 950] }),
  },
  {
    why: "a rate of all",
    change: (bank) => withRate(bank, { thresholds: [300, 500, 700, 850, 1000] }),
  },
  {
    why: "a tier that falls",
    change: (bank) =>
      withRate(bank, { tiers: ["OBSERVED", "SELF_REPORTED", "OBSERVED", "OBSERVED", "OBSERVED"] }),
  },
  { why: "a question twice", change: (bank) => withQuestion(bank, (one) => [one, one]) },
  {
    why: "a question that says nothing of why",
    change: (bank) => withQuestion(bank, (one) => [{ ...one, why: "" }]),
  },
  {
    why: "a kind that there is not",
    change: (bank) => withQuestion(bank, (one) => [{ ...one, profile: "vote" }]),
  },
  { why: "a member more", change: (bank) => ({ ...bank, mean: true }) },
])("the schema refuses a bank with $why", ({ change }) => {
  expect(bankSchema.safeParse(currentBank).success).toBe(true)
  expect(bankSchema.safeParse(change(currentBank)).success).toBe(false)
})

test("docs/bank.md says what the bank says", () => {
  expect(readBankDoc()).toBe(bankDoc())
})

test("a question is asked or waits for a fact, and never both", () => {
  const asked = questionsOf(currentBank).map(({ id }) => id)
  const waiting = readWaiting().map(({ id }) => id)
  expect(new Set([...asked, ...waiting]).size).toBe(asked.length + waiting.length)
  expect(asked.length + waiting.length).toBe(65)
})

test("no question says that anything complies", () => {
  const yaml = fileURLToPath(new URL("../bank/amc-bank-1.yaml", import.meta.url))
  expect(readFileSync(yaml, "utf8")).not.toMatch(/compl(?:y|ies|iant|iance)/i)
})

test("a need names a question of the bank that waits for no other", () => {
  const questions = questionsOf(currentBank)
  const named = questions.flatMap(({ needs }) =>
    needs.flatMap((need) => (need.kind === "question" ? [need.question] : [])),
  )
  expect(named.length).toBeGreaterThan(0)
  for (const id of named)
    expect(questions.find((each) => each.id === id)?.needs.map(({ kind }) => kind)).not.toContain(
      "question",
    )
})

function withRate(bank: Bank, change: object): unknown {
  return { ...bank, profiles: { ...bank.profiles, rate: { ...bank.profiles.rate, ...change } } }
}

function withQuestion(bank: Bank, change: (question: Question) => readonly object[]): unknown {
  const [first, ...layers] = bank.layers
  const [question, ...questions] = first!.questions
  return {
    ...bank,
    layers: [{ ...first, questions: [...change(question!), ...questions] }, ...layers],
  }
}
