import type { ToolRules, WirePolicy } from "@amc/core"
import { allowsRoute, type HeldPolicy } from "./held-policy.ts"
import { fitsAny } from "./name-pattern.ts"
import { folded, type WireRequest } from "./wire-reader.ts"

/** A request as it is judged. */
export interface JudgedRequest {
  readonly provider: string
  readonly method: string
  readonly path: string
  /** Null if it has no body. */
  readonly wire: WireRequest | null
  /** The model by the format's own rules, which may take it from the path. */
  readonly model: string
}

/** Why a request is refused: the rule, and what it comes up against. */
export interface BrokenRule {
  readonly rule: string
  readonly detail: string
  readonly next: string
}

/** The first rule of any of these policies that a request breaks, or null. */
export function brokenRule(
  policies: readonly HeldPolicy[],
  request: JudgedRequest,
): BrokenRule | null {
  for (const { source, policy } of policies) {
    const broken = judge(policy, request)
    if (broken === null) continue
    const [rule, detail, next] = broken
    return { rule: `${rule} of ${source}`, detail, next }
  }
  return null
}

/** Whether a policy has rules for which a body has to be read. */
export function looksIntoBody(policy: WirePolicy): boolean {
  const { models, parameters, tools } = policy
  return [models, parameters, tools].some((rule) => rule !== undefined) || countsTokens(policy)
}

/** Whether what answers come to is counted. */
function countsTokens({ budgets }: WirePolicy): boolean {
  return Object.values(budgets ?? {}).some(
    (budget) => budget?.tokens !== undefined || budget?.money_micros !== undefined,
  )
}

/** Members by which a request begins work whose usage no answer to it tells; as {@link folded} gives them. */
const deferring = ["background", "inputfileid", "trainingfile"] as const

type Broken = readonly [rule: string, detail: string, next: string]

function judge(policy: WirePolicy, request: JudgedRequest): Broken | null {
  const { provider, method, path, wire } = request
  if (!allowsRoute(policy.routes, provider, method, path))
    return ["routes", `${method} ${path} is not allowed`, "call an allowed path"]
  // What has no body asks no model for anything.
  if (!looksIntoBody(policy) || (wire === null && (method === "GET" || method === "HEAD")))
    return null
  if (wire === null || !wire.isReadable)
    return [
      "body",
      "the body can't be judged: it is not one JSON object that says each thing once",
      "send one request as plain application/json, with no content coding and no repeated members",
    ]
  return (
    judgeModel(policy, request, wire) ??
    judgeParameters(policy, wire) ??
    judgeDeferred(policy, wire) ??
    judgeTools(policy.tools, wire)
  )
}

function judgeModel(
  { models }: WirePolicy,
  { model }: JudgedRequest,
  wire: WireRequest,
): Broken | null {
  if (models === undefined) return null
  const named = [...new Set([model, wire.model ?? model])]
  const refused = named.find((name) => name === "" || !fitsAny(models, name))
  if (refused === undefined) return null
  const what = refused === "" ? "the request names no model" : `the model ${refused} is not allowed`
  return ["models", what, "ask for an allowed model"]
}

function judgeParameters({ parameters }: WirePolicy, wire: WireRequest): Broken | null {
  const { max_tokens: most, temperature, forbidden = [] } = parameters ?? {}
  const member = forbidden.find((name) => wire.members.has(folded(name)))
  if (member !== undefined)
    return ["parameters.forbidden", `${member} may not be set`, `leave ${member} out`]
  if (most !== undefined && (wire.maxTokens ?? Infinity) > most)
    return [
      "parameters.max_tokens",
      `a request has to ask for ${most} tokens at most`,
      `set the largest number of output tokens to ${most} or less`,
    ]
  const isInside = (value: number): boolean =>
    temperature === undefined || (value >= temperature.min && value <= temperature.max)
  if (
    temperature !== undefined &&
    (wire.temperatures.length === 0 || !wire.temperatures.every(isInside))
  )
    return [
      "parameters.temperature",
      `a request has to name a temperature from ${temperature.min} to ${temperature.max}`,
      "set the temperature in that range",
    ]
  return null
}

function judgeDeferred(policy: WirePolicy, { members }: WireRequest): Broken | null {
  const member = deferring.find((name) => members.has(name))
  if (member === undefined || !countsTokens(policy)) return null
  return [
    "budgets",
    `what a request with ${member} comes to is not in its answer`,
    "ask for an answer that comes at once",
  ]
}

function judgeTools(rules: ToolRules | undefined, { tools }: WireRequest): Broken | null {
  const { allowed, denied = [] } = rules ?? {}
  const refused = tools.find(
    (name) => fitsAny(denied, name) || (allowed !== undefined && !fitsAny(allowed, name)),
  )
  if (refused === undefined) return null
  return ["tools", `the tool ${refused} is not allowed`, "offer the model allowed tools only"]
}
