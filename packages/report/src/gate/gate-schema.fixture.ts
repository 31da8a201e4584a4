import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { type GatedBundle, type GateOutcome, gateRules, reportSchema } from "@amc/score"
import { z } from "zod"

const schemaFile: string = fileURLToPath(
  new URL("../../../../spec/schemas/gate.schema.json", import.meta.url),
)
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const root = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const report = (reportSchema as unknown as z.ZodObject).shape as Record<string, z.ZodType<never>>

const bundle: z.ZodType<GatedBundle> = z.strictObject({
  sha256: hex32,
  workspace: z.string(),
  root,
  agent: z.string(),
  run_id: z.string(),
  opened_ms: count,
  trust_label: report["trust_label"] as z.ZodType<GatedBundle["trust_label"]>,
  integrity_index: z.int().min(0).max(100),
  overall: report["overall"] as z.ZodType<GatedBundle["overall"]>,
  posture: report["posture"] as z.ZodType<GatedBundle["posture"]>,
  upstreams: report["upstreams"] as z.ZodType<GatedBundle["upstreams"]>,
})

/** The shape of a gate's outcome, which tests hold every outcome against. */
export const gateSchema: z.ZodType<GateOutcome> = z.strictObject({
  schema: z.literal("amc.gate/v1"),
  passed: z.boolean(),
  at_ms: count,
  policy: z
    .strictObject({
      id: z.string(),
      name: z.string(),
      sha256: hex32,
      workspace: z.string(),
      root,
      version: z.int().min(1),
    })
    .nullable(),
  bundle: bundle.nullable(),
  previous: bundle.nullable(),
  checks: z.array(
    z.strictObject({
      rule: z.enum(gateRules),
      subject: z.string(),
      value: z.string(),
      bound: z.string(),
      passed: z.boolean(),
      next: z.string().nullable(),
    }),
  ),
  findings: z.array(
    z.strictObject({
      code: z.templateLiteral([z.string(), "/", z.string()]),
      subject: z.string(),
      detail: z.string(),
      tampered: z.boolean(),
    }),
  ),
})

/** The JSON Schema as it is to be published. */
export function publishedGateSchema(): string {
  const schema = { title: "amc gate --format json", ...z.toJSONSchema(gateSchema) }
  return `${JSON.stringify(schema, null, 2)}\n`
}

export function readPublishedGateSchema(): string {
  return readFileSync(schemaFile, "utf8")
}

/** `node packages/report/src/gate/gate-schema.fixture.ts` writes the schema anew. */
if (import.meta.main) writeFileSync(schemaFile, publishedGateSchema())
