import { z } from "zod"
import { agentId, label } from "./fact-field.ts"

/** `fleet.yaml`: the agents of this workspace, with what people call them. */
export const fleetConfigSchema: z.ZodType<FleetConfig> = z.strictObject({
  v: z.literal(1),
  agents: z
    .array(z.strictObject({ id: agentId, title: label.optional(), group: label.optional() }))
    .max(1000)
    .refine(
      (agents) => new Set(agents.map(({ id }) => id)).size === agents.length,
      "an agent is named twice",
    ),
})

export interface FleetConfig {
  readonly v: 1
  readonly agents: readonly {
    readonly id: string
    readonly title?: string | undefined
    readonly group?: string | undefined
  }[]
}
