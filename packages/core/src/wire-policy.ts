import { z } from "zod"
import { agentId } from "./fact-field.ts"

const name = z.string().min(1).max(200)
/** Exact, or the beginning of a name and a star. */
const pattern = z.string().regex(/^[^*]{0,199}\*?$/, "a name, or its beginning and a *")
const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional()
const micros = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,17})$/, 'whole micro-units as text, such as "5000000"')

const budget = z.strictObject({
  calls: amount,
  bytes: amount,
  tokens: amount,
  money_micros: micros.optional(),
})

/** What calls may be made: part of `gateway.yaml`, of an agent's config, and of a lease. */
export const wirePolicySchema: z.ZodType<WirePolicy> = z.strictObject({
  routes: z
    .array(
      z.strictObject({
        provider: agentId,
        methods: z
          .array(z.string().regex(/^[A-Z]{1,16}$/))
          .max(16)
          .optional(),
        paths: z
          .array(z.string().regex(/^\/[\x21-\x7e]{0,255}$/))
          .max(64)
          .optional(),
      }),
    )
    .max(64)
    .optional(),
  models: z.array(pattern).max(256).optional(),
  parameters: z
    .strictObject({
      max_tokens: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
      temperature: z.strictObject({ min: z.number(), max: z.number() }).optional(),
      forbidden: z.array(name).max(64).optional(),
    })
    .optional(),
  tools: z
    .strictObject({
      allowed: z.array(pattern).max(256).optional(),
      denied: z.array(pattern).max(256).optional(),
    })
    .optional(),
  requests_per_minute: z.int().min(1).max(1_000_000).optional(),
  concurrent_calls: z.int().min(1).max(10_000).optional(),
  budgets: z
    .strictObject({
      lease: budget.optional(),
      session: budget.optional(),
      day: budget.optional(),
    })
    .optional(),
})

/** `gateway.yaml`, `prices`: what a model costs, before the prices that AMC comes with. */
export const modelPriceSchema: z.ZodType<ModelPrice> = z.strictObject({
  model: pattern,
  input_micros: micros,
  output_micros: micros,
  max_output_tokens: z.int().min(1).max(Number.MAX_SAFE_INTEGER).optional(),
})

/** A rule that is absent allows everything; a list that is empty allows nothing. */
export interface WirePolicy {
  readonly routes?: readonly RouteRule[] | undefined
  readonly models?: readonly string[] | undefined
  readonly parameters?: ParameterRules | undefined
  readonly tools?: ToolRules | undefined
  readonly requests_per_minute?: number | undefined
  readonly concurrent_calls?: number | undefined
  readonly budgets?: { readonly [K in BudgetSpan]?: Budget | undefined } | undefined
}

export interface RouteRule {
  readonly provider: string
  readonly methods?: readonly string[] | undefined
  /** Prefixes, by whole segments, of what follows the provider in the path. */
  readonly paths?: readonly string[] | undefined
}

export interface ParameterRules {
  /** The most that a request may ask for; it has to ask. */
  readonly max_tokens?: number | undefined
  /** A request has to name a temperature in this range. */
  readonly temperature?: { readonly min: number; readonly max: number } | undefined
  /** Top members that have to be absent, `null` or `false`, such as `store`. */
  readonly forbidden?: readonly string[] | undefined
}

export interface ToolRules {
  readonly allowed?: readonly string[] | undefined
  readonly denied?: readonly string[] | undefined
}

export const budgetSpans = ["lease", "session", "day"] as const
export type BudgetSpan = (typeof budgetSpans)[number]

export interface Budget {
  readonly calls?: number | undefined
  /** Of request bodies. */
  readonly bytes?: number | undefined
  readonly tokens?: number | undefined
  /** Millionths of the price list's currency, as text. */
  readonly money_micros?: string | undefined
}

export interface ModelPrice {
  readonly model: string
  /** Micro-units for a million tokens. */
  readonly input_micros: string
  readonly output_micros: string
  /** How much the model answers at most, where a request does not say. */
  readonly max_output_tokens?: number | undefined
}
