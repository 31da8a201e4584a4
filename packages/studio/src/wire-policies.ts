import {
  type AgentConfig,
  agentConfigSchema,
  egressRules,
  gatewayConfigSchema,
  isFault,
  parseYaml,
} from "@amc/core"
import type { HeldAllowlist, HeldPolicy } from "@amc/gateway"
import type { z } from "zod"
import { agentConfigPath } from "./agent-config.ts"
import type { Capture } from "./capture.ts"
import { gatewayConfigPath } from "./gateway-config.ts"
import type { JudgedConfig } from "./judged-config.ts"
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
  ].map(({ said, source }) => ({ policy: said, source }))
}

/** The allowlists that narrow where an agent may connect to. What nobody signed for can narrow them further. */
export function allowlistsOf(capture: Capture, agent: string): readonly HeldAllowlist[] {
  const path = agentConfigPath(agent)
  const lists = held(capture, path, agentConfigSchema, (config: AgentConfig) => config.egress)
  return lists.map(({ said, source }) => ({ allow: egressRules(said.allow), source }))
}

interface Held<P> {
  readonly said: P
  /** The file that says it. */
  readonly source: string
}

function held<T, P>(
  capture: Capture,
  path: string,
  schema: z.ZodType<T>,
  pick: (config: T) => P | undefined,
): readonly Held<P>[] {
  const judged = capture.configs.get(path)
  if (judged === undefined) return []
  const versions = [judged.bytes, ...signedBefore(capture, judged)]
  const all = versions.flatMap((bytes) => saidIn(bytes, path, schema, pick) ?? [])
  // Each text counts by itself, under a name of its own.
  return all.map((said, at) => ({ said, source: at === 0 ? path : `${path} as signed` }))
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

function saidIn<T, P>(
  bytes: Uint8Array,
  path: string,
  schema: z.ZodType<T>,
  pick: (config: T) => P | undefined,
): P | undefined {
  try {
    return pick(parseYaml(bytes, schema, path))
  } catch (error) {
    // A file that is gone or broken says nothing; what was signed before it still does.
    if (isFault(error)) return undefined
    throw error
  }
}
