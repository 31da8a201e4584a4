import {
  type AgentConfig,
  agentConfigSchema,
  gatewayConfigSchema,
  isFault,
  parseYaml,
  type WirePolicy,
} from "@amc/core"
import type { HeldPolicy } from "@amc/gateway"
import type { z } from "zod"
import { agentConfigPath } from "./agent-config.ts"
import type { Capture } from "./capture.ts"
import { gatewayConfigPath } from "./gateway-config.ts"
import type { JudgedConfig } from "./signed-config.ts"
import { readSignedCopy } from "./signed-copies.ts"

/**
 * The policies that an agent's calls have to satisfy: those of gateway.yaml and of the agent's config. What
 * nobody signed for can narrow them, and not widen what was signed last.
 */
export function policiesOf(capture: Capture, agent: string): readonly HeldPolicy[] {
  const path = agentConfigPath(agent)
  return [
    ...held(capture, gatewayConfigPath, gatewayConfigSchema, ({ policy }) => policy),
    ...held(capture, path, agentConfigSchema, (config: AgentConfig) => config.gateway),
  ]
}

function held<T>(
  capture: Capture,
  path: string,
  schema: z.ZodType<T>,
  pick: (config: T) => WirePolicy | undefined,
): readonly HeldPolicy[] {
  const judged = capture.configs.get(path)
  if (judged === undefined) return []
  const versions = [judged.bytes, ...signedBefore(capture, judged)]
  const policies = versions.flatMap((bytes) => policyIn(bytes, path, schema, pick) ?? [])
  // Each text of a policy counts by itself, under a name of its own.
  return policies.map((policy, at) => ({ policy, source: at === 0 ? path : `${path} as signed` }))
}

/** What the owner signed last, where the file that is there is not the owner's word. */
function signedBefore(
  { workspace, configHistory }: Capture,
  { path, flaw }: JudgedConfig,
): readonly Uint8Array[] {
  const last = flaw === null ? undefined : configHistory.get(path)
  const copy = last === undefined ? null : readSignedCopy(workspace.dir, last.sha256)
  return copy === null ? [] : [copy]
}

function policyIn<T>(
  bytes: Uint8Array,
  path: string,
  schema: z.ZodType<T>,
  pick: (config: T) => WirePolicy | undefined,
): WirePolicy | undefined {
  try {
    return pick(parseYaml(bytes, schema, path))
  } catch (error) {
    // A file that is gone or broken says nothing; what was signed before it still does.
    if (isFault(error)) return undefined
    throw error
  }
}
