import { z } from "zod"

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
