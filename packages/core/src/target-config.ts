import { z } from "zod"
import { agentId, label } from "./fact-field.ts"

const levels = z
  .record(label, z.int().min(0).max(5))
  .refine((record) => Object.keys(record).length <= 256, "more than 256 levels")

/** `targets/<id>.yaml`: the levels that an agent is to reach, by the names of layers and the ids of questions. */
export const targetConfigSchema: z.ZodType<TargetConfig> = z.strictObject({
  v: z.literal(1),
  agent: agentId,
  layers: levels.optional(),
  questions: levels.optional(),
})

export interface TargetConfig {
  readonly v: 1
  readonly agent: string
  readonly layers?: Readonly<Record<string, number>> | undefined
  readonly questions?: Readonly<Record<string, number>> | undefined
}
