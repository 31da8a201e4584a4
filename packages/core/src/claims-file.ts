import { z } from "zod"
import { questionId, step } from "./fact-field.ts"
import { type Claimant, claimants } from "./ingested.ts"
import { parseStrictJson } from "./strict-json.ts"
import { parseYaml } from "./yaml.ts"

/** One level that is claimed. */
export interface ClaimedLevel {
  readonly question: string
  readonly level: number
  /** In whose words; it stays in the stored file, and nothing reads it. */
  readonly text?: string | undefined
}

/** `amc.claims/v1`: what the agent, its vendor or a document says of the agent (spec/claims.md). */
export interface ClaimsFile {
  readonly schema: "amc.claims/v1"
  readonly by: Claimant
  /** Claimed of each question that `claims` does not name. */
  readonly overall?: number | undefined
  readonly claims: readonly ClaimedLevel[]
}

export const claimsFileSchema: z.ZodType<ClaimsFile> = z.strictObject({
  schema: z.literal("amc.claims/v1"),
  by: z.enum(claimants).default("agent"),
  overall: step.optional(),
  claims: z
    .array(
      z.strictObject({ question: questionId, level: step, text: z.string().max(2000).optional() }),
    )
    .max(256)
    .refine(
      (claims) => new Set(claims.map(({ question }) => question)).size === claims.length,
      "a question is named twice",
    )
    .default([]),
})

const openBrace = 0x7b
const spaces: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

/**
 * Reads a file of claims, JSON or YAML. They are somebody's words, whoever signs the event that keeps them.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseClaimsFile(bytes: Uint8Array, name: string): ClaimsFile {
  const first = bytes.find((byte) => !spaces.has(byte))
  const parse = first === openBrace ? parseStrictJson : parseYaml
  return parse(bytes, claimsFileSchema, name)
}
