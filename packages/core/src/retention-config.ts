import { z } from "zod"

/** Where the retention policy lies under `.amc`. */
export const retentionConfigPath = "retention.yaml"

const days = z.int().min(1).max(36_500).optional()

/** `retention.yaml`: for how many days the stored payloads of a kind are kept; for ever, if it is not named. */
export const retentionConfigSchema: z.ZodType<RetentionConfig> = z.strictObject({
  v: z.literal(1),
  days: z.strictObject({
    llm_request: days,
    llm_response: days,
    agent_stdout: days,
    agent_stderr: days,
  }),
})

/** The payloads that are content. Seals and signatures are evidence and have no end. */
export interface RetentionConfig {
  readonly v: 1
  readonly days: {
    readonly llm_request?: number | undefined
    readonly llm_response?: number | undefined
    readonly agent_stdout?: number | undefined
    readonly agent_stderr?: number | undefined
  }
}

/** The types of events whose payloads a policy may name. */
export type PrunableType = keyof RetentionConfig["days"]

const dayMs = 86_400_000

/**
 * How old the events of a type must be for a policy to let their payloads go; null if it never does. For a
 * type that is evidence that is null whatever the policy says.
 */
export function retentionMs({ days }: RetentionConfig, type: string): number | null {
  const kept = Object.hasOwn(days, type) ? days[type as PrunableType] : undefined
  return kept === undefined ? null : kept * dayMs
}
