import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { channels, factTypes, tiers } from "@amc/core"
import { reportSchema, type Survey, type SurveyedEvent, type SurveyedSession } from "@amc/score"
import { z } from "zod"
import type { Dossier } from "./dossier.ts"
import { factTexts, markTexts } from "./wording.ts"

const schemaFile: string = fileURLToPath(
  new URL("../../../spec/schemas/dossier.schema.json", import.meta.url),
)

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const plainFacts = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]))

const event: z.ZodType<SurveyedEvent> = z.strictObject({
  hash: hex32,
  lane: z.string(),
  lseq: count,
  ts: count,
  type: z.enum(factTypes),
  channel: z.enum(channels),
  agent: z.string(),
  session: z.string().nullable(),
  tier: z.enum(tiers),
  measured: plainFacts,
  reported: plainFacts,
})

const session: z.ZodType<SurveyedSession> = z.strictObject({
  session: z.string(),
  lane: z.string(),
  first_lseq: count,
  last_lseq: count,
  last_ms: count,
  event: hex32,
  driver: z.string().nullable(),
  end: z.string(),
  posture: z.enum(["hardened", "isolated", "declared", "shared"]),
  marks: z.array(z.enum(keysOf(markTexts))),
  requests: count,
  successes: count,
  exit_code: z.int().nullable(),
  check: z.enum(["passed", "failed"]).nullable(),
  reported: z.strictObject({ models: z.array(z.string()), tools: z.array(z.string()) }),
})

const survey: z.ZodType<Survey> = z.strictObject({
  events_seen: count,
  run_opened: event,
  losses: z.array(z.strictObject({ fact: z.enum(keysOf(factTexts)), count, points: count })),
  questions: z.array(
    z.strictObject({
      id: z.string(),
      high_risk: z.boolean(),
      unit: z.string(),
      half_life_days: count,
      why: z.string(),
      measures: z.string(),
      exposure: z.string(),
      improve: z.string(),
    }),
  ),
  sessions: z.array(session).max(200),
  sessions_left_out: count,
  deciding: z.array(event),
  incidents: z.array(event).max(100),
  incidents_left_out: count,
  configs: z.array(
    z.strictObject({
      path: z.string(),
      state: z.enum(["signed", "unsigned", "invalid"]),
      version: count.nullable(),
      sha256: hex32.nullable(),
      event: hex32,
      lseq: count,
      ts: count,
    }),
  ),
})

/** The shape of a dossier, which tests hold every dossier against. */
export const dossierSchema: z.ZodType<Dossier> = z.strictObject({
  schema: z.literal("amc.dossier/v1"),
  basis: z.enum(["ledger", "bundle"]),
  workspace: z.string(),
  root_sha256: hex32,
  seal: z.strictObject({
    report_sha256: hex32,
    kids: z.array(hex32),
    checkpoint: z.strictObject({ origin: z.string(), size: count, root_sha256: hex32 }),
  }),
  verifier_label: z.enum(["HIGH TRUST", "LOW TRUST", "UNRELIABLE"]).nullable(),
  report: reportSchema,
  survey,
})

/** The JSON Schema as it is to be published. */
export function publishedSchema(): string {
  const schema = { title: "amc run report --format json", ...z.toJSONSchema(dossierSchema) }
  return `${JSON.stringify(schema, null, 2)}\n`
}

export function readPublishedSchema(): string {
  return readFileSync(schemaFile, "utf8")
}

function keysOf<K extends string>(texts: Readonly<Record<K, string>>): K[] {
  return Object.keys(texts) as K[]
}

/** `node packages/report/src/dossier-schema.fixture.ts` writes the schema anew. */
if (import.meta.main) writeFileSync(schemaFile, publishedSchema())
