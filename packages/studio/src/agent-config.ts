import { existsSync } from "node:fs"
import { join } from "node:path"
import { type AgentConfig, agentConfigSchema, agentId } from "@amc/core"
import { AmcError } from "@amc/core"
import type { Notary } from "@amc/vault"
import { stringify } from "yaml"
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
  lastVersion = 0,
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
    lastVersion,
  )
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
