import { checkAgentId } from "../agent-config.ts"
import type { Capture } from "../capture.ts"
import { type RecordedClaims, recordClaims } from "../claims.ts"
import { currentBank } from "@amc/score"
import { knownSecrets } from "./known-secrets.ts"

export interface IngestedClaims extends RecordedClaims {
  /** What is claimed for questions that the bank of new runs does not have. */
  readonly unknown: readonly string[]
}

/**
 * Records a file of claims, without the secrets that it may hold.
 *
 * @throws {@link AmcError} as {@link recordClaims}
 */
export async function ingestClaims(
  capture: Capture,
  agent: string,
  path: string,
): Promise<IngestedClaims> {
  checkAgentId(agent)
  const recorded = await recordClaims(capture.recorder, {
    agent,
    path,
    secrets: await knownSecrets(capture),
  })
  const known = new Set(
    currentBank.layers.flatMap(({ questions }) => questions.map(({ id }) => id)),
  )
  const named = recorded.file.claims.map(({ question }) => question)
  return { ...recorded, unknown: named.filter((id) => !known.has(id)) }
}
