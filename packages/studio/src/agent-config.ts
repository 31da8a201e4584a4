import { existsSync } from "node:fs"
import { join } from "node:path"
import { type AgentConfig, agentConfigSchema, agentId, AmcError, parseYaml } from "@amc/core"
import type { Notary } from "@amc/vault"
import { stringify } from "yaml"
import type { JudgedConfig } from "./judged-config.ts"
import { loadConfig, type LoadedConfig, writeConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/** Limits that a new agent gets; the owner changes them in its signed config. */
const firstLimits: AgentConfig["limits"] = {
  max_calls: 200,
  max_seconds: 600,
  memory_mib: 2048,
  pids: 256,
}

export function agentConfigPath(agent: string): string {
  return `agents/${agent}/agent.config.yaml`
}

/** The agent's config; a new agent gets one, signed. @throws {@link AmcError} `usage/invalid` for a bad id */
export async function ensureAgentConfig(
  workspace: Workspace,
  agent: string,
  notary: Notary,
  now: number,
): Promise<LoadedConfig<AgentConfig>> {
  checkAgentId(agent)
  const path = agentConfigPath(agent)
  if (existsSync(join(workspace.dir, path)))
    return loadConfig(workspace, path, agentConfigSchema, now)
  return writeConfig(
    workspace,
    path,
    stringify({ v: 1, agent, limits: firstLimits }),
    agentConfigSchema,
    notary,
  )
}

/**
 * The limits that a judged agent config gives. One that is not the owner's word gives none that are wider
 * than a new agent's.
 *
 * @throws {@link AmcError} `workspace/missing` for a file that is gone, `input/malformed`
 */
export function limitsOf({ path, bytes, flaw }: JudgedConfig): AgentConfig["limits"] {
  if (bytes.length === 0)
    throw new AmcError("workspace/missing", `${path} is gone, and the ledger names it`, {
      hint: `put it back, or write it anew and sign it with 'amc config sign ${path}'`,
    })
  const { limits } = parseYaml(bytes, agentConfigSchema, path)
  return flaw === null ? limits : narrowest(limits, firstLimits)
}

function narrowest(a: AgentConfig["limits"], b: AgentConfig["limits"]): AgentConfig["limits"] {
  return {
    max_calls: Math.min(a.max_calls, b.max_calls),
    max_seconds: Math.min(a.max_seconds, b.max_seconds),
    memory_mib: Math.min(a.memory_mib, b.memory_mib),
    pids: Math.min(a.pids, b.pids),
  }
}

/** @throws {@link AmcError} `usage/invalid` */
export function checkAgentId(agent: string): void {
  if (agentId.safeParse(agent).success) return
  throw new AmcError(
    "usage/invalid",
    "an agent's id has lower-case letters, digits, dots and dashes, 64 at most",
    { hint: "for example --agent my-agent" },
  )
}
