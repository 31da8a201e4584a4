import type { WirePolicy } from "@amc/core"
import * as fc from "fast-check"
import { expect, test } from "vitest"
import { brokenRule, type JudgedRequest } from "./wire-rules.ts"
import { WireReader } from "./wire-reader.ts"

function requestOf(body: object | string | null, more: Partial<JudgedRequest> = {}): JudgedRequest {
  const reader = new WireReader()
  if (body !== null)
    reader.push(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)))
  const wire = body === null ? null : reader.end()
  const where = { provider: "openai", method: "POST", path: "/v1/chat/completions" }
  return { ...where, wire, model: wire?.model ?? "", ...more }
}

const chat = { model: "gpt-5-mini", max_tokens: 100, temperature: 0.5, tools: [{ name: "read" }] }

function ruleOf(policy: WirePolicy, request: JudgedRequest): string | null {
  return brokenRule([{ source: "gateway.yaml", policy }], request)?.rule ?? null
}

test.each<{
  why: string
  policy: WirePolicy
  body?: object | string | null
  more?: Partial<JudgedRequest>
  rule: string | null
}>([
  { why: "no rules", policy: {}, rule: null },
  {
    why: "a route of the list",
    policy: { routes: [{ provider: "openai", methods: ["POST"], paths: ["/v1/chat"] }] },
    rule: null,
  },
  {
    why: "a path that only begins like one of the list",
    policy: { routes: [{ provider: "openai", paths: ["/v1/ch"] }] },
    rule: "routes of gateway.yaml",
  },
  {
    why: "an encoded path, which a server might read as another",
    policy: { routes: [{ provider: "openai", paths: ["/v1/chat"] }] },
    more: { path: "/v1/%63hat/completions" },
    rule: "routes of gateway.yaml",
  },
  {
    why: "another method",
    policy: { routes: [{ provider: "openai", methods: ["GET"] }] },
    rule: "routes of gateway.yaml",
  },
  {
    why: "another provider",
    policy: { routes: [{ provider: "anthropic" }] },
    rule: "routes of gateway.yaml",
  },
  { why: "an empty list", policy: { routes: [] }, rule: "routes of gateway.yaml" },
  { why: "a model by its name", policy: { models: ["gpt-5-mini"] }, rule: null },
  { why: "a model by its beginning", policy: { models: ["gpt-5*"] }, rule: null },
  { why: "another model", policy: { models: ["gpt-5"] }, rule: "models of gateway.yaml" },
  {
    why: "no model",
    policy: { models: ["*"] },
    body: { input: "x" },
    rule: "models of gateway.yaml",
  },
  {
    why: "another model in the path than in the body",
    policy: { models: ["gpt-5*"] },
    more: { model: "o3" },
    rule: "models of gateway.yaml",
  },
  {
    why: "a body that can't be read",
    policy: { models: ["gpt-5*"] },
    body: "model=gpt-5",
    rule: "body of gateway.yaml",
  },
  {
    why: "a body that can't be read and no rule that looks into it",
    policy: { requests_per_minute: 1 },
    body: "x",
    rule: null,
  },
  {
    why: "a GET with no body",
    policy: { models: [] },
    body: null,
    more: { method: "GET" },
    rule: null,
  },
  { why: "a POST with no body", policy: { models: [] }, body: null, rule: "body of gateway.yaml" },
  { why: "enough tokens", policy: { parameters: { max_tokens: 100 } }, rule: null },
  {
    why: "too many tokens",
    policy: { parameters: { max_tokens: 99 } },
    rule: "parameters.max_tokens of gateway.yaml",
  },
  {
    why: "no limit of tokens",
    policy: { parameters: { max_tokens: 99 } },
    body: { model: "m" },
    rule: "parameters.max_tokens of gateway.yaml",
  },
  {
    why: "a temperature outside",
    policy: { parameters: { temperature: { min: 0, max: 0.4 } } },
    rule: "parameters.temperature of gateway.yaml",
  },
  {
    why: "no temperature",
    policy: { parameters: { temperature: { min: 0, max: 2 } } },
    body: { model: "m" },
    rule: "parameters.temperature of gateway.yaml",
  },
  {
    why: "what may not be stored",
    policy: { parameters: { forbidden: ["store"] } },
    body: { store: true },
    rule: "parameters.forbidden of gateway.yaml",
  },
  {
    why: "what is not to be stored",
    policy: { parameters: { forbidden: ["store"] } },
    body: { store: false },
    rule: null,
  },
  {
    why: "an answer in the background, which tells no usage",
    policy: { budgets: { day: { tokens: 9 } } },
    body: { model: "m", background: true },
    rule: "budgets of gateway.yaml",
  },
  {
    why: "a batch whose requests lie in a file",
    policy: { budgets: { session: { money_micros: "9" } } },
    body: { input_file_id: "file-1", endpoint: "/v1/responses" },
    rule: "budgets of gateway.yaml",
  },
  {
    why: "an answer in the background where only calls are counted",
    policy: { models: ["m"], budgets: { day: { calls: 9 } } },
    body: { model: "m", background: true },
    rule: null,
  },
  {
    why: "a forbidden parameter behind more than can be told apart",
    policy: { parameters: { forbidden: ["store"] } },
    body: {
      options: {
        ...Object.fromEntries(Array.from({ length: 10_001 }, (_none, n) => [`x${n}`, 1])),
        store: true,
      },
    },
    rule: "body of gateway.yaml",
  },
  { why: "an allowed tool", policy: { tools: { allowed: ["re*"] } }, rule: null },
  {
    why: "a tool that is not allowed",
    policy: { tools: { allowed: ["write"] } },
    rule: "tools of gateway.yaml",
  },
  { why: "a denied tool", policy: { tools: { denied: ["read"] } }, rule: "tools of gateway.yaml" },
])("$why: $rule", ({ policy, body = chat, more, rule }) => {
  expect(ruleOf(policy, requestOf(body, more))).toBe(rule)
})

const names = fc.constantFrom("a", "ab", "abc", "b", "a*", "ab*", "*")
const policies: fc.Arbitrary<WirePolicy> = fc.record(
  {
    routes: fc.array(
      fc.record({
        provider: fc.constantFrom("p", "q"),
        paths: fc.array(fc.constantFrom("/", "/v1", "/v1/x")),
      }),
      { maxLength: 2 },
    ),
    models: fc.array(names, { maxLength: 3 }),
    parameters: fc.record(
      { max_tokens: fc.integer({ min: 1, max: 9 }), forbidden: fc.array(names) },
      { requiredKeys: [] },
    ),
    tools: fc.record({ allowed: fc.array(names), denied: fc.array(names) }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
)
const requests = fc
  .record({
    provider: fc.constantFrom("p", "q"),
    path: fc.constantFrom("/v1", "/v1/x", "/v10"),
    body: fc.record(
      {
        model: fc.constantFrom("a", "ab", "abc", "b"),
        max_tokens: fc.integer({ min: 0, max: 12 }),
        tools: fc.array(fc.record({ name: fc.constantFrom("a", "ab", "c") })),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ body, ...more }) => requestOf(body, more))

test("G6: a policy that is added never lets through what was refused", () => {
  fc.assert(
    fc.property(
      fc.array(policies, { maxLength: 3 }),
      policies,
      requests,
      (some, added, request) => {
        const held = some.map((policy, at) => ({ source: `${at}`, policy }))
        const before = brokenRule(held, request)
        const after = brokenRule([...held, { source: "lease", policy: added }], request)
        if (before !== null) expect(after).toEqual(before)
        const first = brokenRule([{ source: "lease", policy: added }, ...held], request)
        if (before !== null) expect(first).not.toBeNull()
      },
    ),
  )
})
