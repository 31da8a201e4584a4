import { tiers } from "@amc/core"
import { z } from "zod"
import { type Bank, frameworks, kinds, questionsOf } from "./bank.ts"

const text = z.string().min(1).max(512)
const id = z.string().regex(/^[A-Z]{2,3}-[0-9]{2}$/)
const perMille = z.int().min(0).max(1000)
const days = z.int().min(1).max(3650)
const cap = z.int().min(0).max(4)
const tier = z.enum(tiers)
const rising = "the values of the levels only rise"

/** One value a level, each at least that of the level below. */
const ascending = z
  .tuple(Array.from({ length: 5 }, () => z.int().min(0).max(1_000_000)) as Five)
  .refine((values) => values.every((value, at) => value >= (values[at - 1] ?? 0)), rising)
/** What gets stricter by falling. */
const descending = z
  .tuple(Array.from({ length: 5 }, () => z.int().min(0).max(10_000)) as Five)
  .refine((values) => values.every((value, at) => value <= (values[at - 1] ?? value)), rising)
const tierSteps = z
  .tuple(Array.from({ length: 5 }, () => tier) as Five<typeof tier>)
  .refine((values) => {
    const ranks = values.map((value) => tiers.indexOf(value))
    return ranks.every((rank, at) => rank >= (ranks[at - 1] ?? 0))
  }, rising)

type Five<T extends z.ZodType = z.ZodInt> = [T, T, T, T, T]

const profile = z
  .strictObject({
    test: z.enum(["lower_bound", "ratio", "count"]),
    thresholds: ascending,
    units: ascending,
    sessions: ascending,
    days: ascending,
    tiers: tierSteps,
    max_age_days: descending.optional(),
    max_breach_hours: descending.optional(),
    no_critical_from: z.int().min(1).max(5).optional(),
    veto_caps: z.strictObject({ critical: cap, high: cap, medium: cap }).optional(),
  })
  .refine(
    ({ test, thresholds }) => test !== "lower_bound" || thresholds.every((each) => each < 1000),
    "no number of units makes a bound of 1",
  )

const level = z.int().min(1).max(5)
const need = z.discriminatedUnion("kind", [
  z.strictObject({ level, kind: z.literal("pack"), pack: text, per_mille: perMille }),
  z.strictObject({ level, kind: z.literal("question"), question: id, at_least: level }),
  z.strictObject({ level, kind: z.literal("fact"), fact: text }),
  z.strictObject({ level, kind: z.literal("hardened") }),
])

const question = z.strictObject({
  id,
  title: text,
  high_risk: z.boolean(),
  profile: z.enum(kinds),
  half_life_days: z.int().min(1).max(340),
  unit: z.enum(["session", "exchange", "day", "minute", "drill"]),
  occasional: z.literal(true).optional(),
  why: text,
  measures: text,
  exposure: text,
  improve: text,
  bears_on: z.strictObject(
    Object.fromEntries(frameworks.map((name) => [name, z.array(text)])) as Record<
      (typeof frameworks)[number],
      z.ZodArray<z.ZodString>
    >,
  ),
  thresholds: ascending.optional(),
  units: ascending.optional(),
  sessions: ascending.optional(),
  needs: z.array(need),
})

const weights = z.strictObject(
  Object.fromEntries(tiers.map((tier) => [tier, perMille])) as Record<
    (typeof tiers)[number],
    z.ZodInt
  >,
)

/** What a bank may say. Weights above 1 would invent evidence, so they can't be written. */
export const bankSchema: z.ZodType<Bank> = z
  .strictObject({
    schema: z.literal("amc.bank/v1"),
    name: text,
    day_cap: z.int().min(1).max(1000),
    stale_after_days: days,
    look_back_days: days,
    tier_weights_per_mille: weights,
    config_cap: cap,
    dark_question: id,
    dark_caps: z.array(z.strictObject({ above_per_mille: perMille, cap })),
    cure: z.strictObject({ sessions: z.int().min(1), days, cap }),
    profiles: z.strictObject(
      Object.fromEntries(kinds.map((kind) => [kind, profile])) as Record<
        (typeof kinds)[number],
        typeof profile
      >,
    ),
    layers: z.array(z.strictObject({ name: text, questions: z.array(question).min(1) })).min(1),
  })
  .refine((bank) => {
    const ids = questionsOf(bank as Bank).map((each) => each.id)
    return new Set(ids).size === ids.length
  }, "a question is there twice") as z.ZodType<Bank>
