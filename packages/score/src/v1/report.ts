import {
  canonicalize,
  claimants,
  ingestFormats,
  type JsonValue,
  malformed,
  parseCanonical,
  tiers,
} from "@amc/core"
import { z } from "zod"
import { kinds, type Kind } from "./bank.ts"
import type { Claim, ClaimGap } from "./claim.ts"
import type { ShownFiles } from "./ingested.ts"
import type { Outlook } from "./outlook.ts"
import type { Decision } from "./question.ts"
import type { TraceSummary } from "./trace.ts"
import type { Level } from "./level.ts"

/** What was decided about one question (spec/report.md). Member names are those of the wire. */
export interface ReportedQuestion extends Outlook {
  readonly id: string
  readonly layer: string
  readonly title: string
  readonly kind: Kind
  readonly level: Level
  /** The highest level that was claimed for it, beside what was shown. */
  readonly claimed: number | null
  /** What each claimant last said of it; nothing is added to the evidence. */
  readonly claims: readonly Claim[]
  /** The highest level that today's evidence and this window can reach. */
  readonly reachable: number
  readonly cap: { readonly level: number; readonly causes: readonly string[] } | null
  readonly units: Decision["units"]
  /** The gate that stops the next level; `null` at level 5. */
  readonly binding_gate: string | null
  readonly missing: Decision["missing"]
  readonly events: readonly string[]
}

/**
 * The result of a run: a function of its evidence. Read `status` first: the levels of an INVALID report
 * are indicative and count for nothing.
 */
export interface Report {
  readonly schema: "amc.report/v1"
  readonly engine: string
  readonly bank_sha256: string
  readonly agent: string
  readonly run_id: string
  readonly window: { readonly from_ms: number; readonly to_ms: number }
  /** Readers judge staleness by their own clock. */
  readonly stale_after_ms: number
  readonly status: "VALID" | "INVALID"
  readonly status_reasons: readonly string[]
  readonly posture: "measured" | "declared" | "shared"
  readonly trust_label: "HIGH TRUST" | "LOW TRUST" | "UNRELIABLE"
  readonly integrity_index: number
  readonly overall: Level
  readonly layers: readonly {
    readonly name: string
    readonly level: Level
    /** The level that it would have by claims alone; null where nothing is claimed in it. */
    readonly claimed: Level | null
  }[]
  readonly questions: readonly ReportedQuestion[]
  readonly sessions: {
    readonly opened: number
    readonly sealed: number
    readonly exposed: number
    readonly counted: number
    readonly days: number
  }
  readonly claim_gap: ClaimGap | null
  readonly upstreams: readonly {
    readonly provider: string
    readonly upstream: string
    readonly loopback: boolean
  }[]
  /** What the runtime's traces say of its calls, against receipts; null where there are none. */
  readonly traces: TraceSummary | null
  /** Files of others' results; the times that they speak of count for nothing. */
  readonly ingested: ShownFiles
}

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const text = z.string().max(512)
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const step = z.int().min(0).max(5)
const level: z.ZodType<Level> = z.union([z.literal([0, 1, 2, 3, 4, 5]), z.literal("U")])
const missing = z.strictObject({ gate: text, have: count, need: count, text })
const units = z.strictObject({ n: count, k: count, unknown: count, sessions: count, days: count })
const question = z.strictObject({
  id: text,
  layer: text,
  title: text,
  kind: z.enum(kinds),
  level,
  claimed: step.nullable(),
  claims: z.array(z.strictObject({ by: z.enum(claimants), level: step })).max(claimants.length),
  reachable: step,
  cap: z.strictObject({ level: step, causes: z.array(text) }).nullable(),
  units,
  binding_gate: text.nullable(),
  missing: z.array(missing),
  events: z.array(hex32).max(10),
  bound_per_mille: count.max(1000).nullable(),
  threshold: count.nullable(),
  clean_to_next: count.nullable(),
  fragile: z.boolean(),
  drops_at_ms: count.nullable(),
})
const traces: z.ZodType<TraceSummary> = z.strictObject({
  calls: count,
  correlated: count,
  no_receipt: count,
  receipt_invalid: count,
  event_not_found: count,
  body_mismatch: count,
  agent_mismatch: count,
  replayed: count,
  correlated_per_mille: z.int().min(0).max(1000),
})
const file = z.strictObject({
  event: hex32,
  ts: count,
  source_sha256: hex32,
  format: z.enum(ingestFormats),
  about: text.nullable(),
  tier: z.enum(tiers),
  tool: text,
  entries: count,
  passed: count,
  failed: count,
  undecided: count,
})
const ingested: z.ZodType<ShownFiles> = z.strictObject({
  count,
  attested: count,
  latest: z.array(file).max(32),
})
/** The shape of a report, for those who publish or check schemas. */
export const reportSchema: z.ZodType<Report> = z.strictObject({
  schema: z.literal("amc.report/v1"),
  engine: text,
  bank_sha256: hex32,
  agent: text,
  run_id: text,
  window: z.strictObject({ from_ms: count, to_ms: count }),
  stale_after_ms: count,
  status: z.enum(["VALID", "INVALID"]),
  status_reasons: z.array(text),
  posture: z.enum(["measured", "declared", "shared"]),
  trust_label: z.enum(["HIGH TRUST", "LOW TRUST", "UNRELIABLE"]),
  integrity_index: z.int().min(0).max(100),
  overall: level,
  layers: z.array(z.strictObject({ name: text, level, claimed: level.nullable() })),
  questions: z.array(question),
  sessions: z.strictObject({
    opened: count,
    sealed: count,
    exposed: count,
    counted: count,
    days: count,
  }),
  claim_gap: z
    .strictObject({
      questions: count,
      mean: z.string().regex(/^-?[0-9]+\.[0-9]{2}$/),
      max: z.int(),
      overall: level,
    })
    .nullable(),
  upstreams: z.array(z.strictObject({ provider: text, upstream: text, loopback: z.boolean() })),
  traces: traces.nullable(),
  ingested,
})

/** The canonical bytes of a report: what is digested and sealed. */
export function encodeReport(report: Report): Uint8Array {
  return canonicalize(report as unknown as JsonValue)
}

/**
 * Reads a report. It says nothing about whether the evidence bears it out: rebuild it from the evidence
 * and compare bytes.
 *
 * @throws {@link AmcError} `input/malformed`
 */
export function parseReport(bytes: Uint8Array): Report {
  const parsed = reportSchema.safeParse(parseCanonical(bytes))
  if (!parsed.success) throw malformed("report breaks its schema", parsed.error)
  return parsed.data
}
