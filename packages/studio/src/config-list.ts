import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ConfigFile } from "@amc/verify"
import { agentConfigPath } from "./agent-config.ts"
import { gatewayConfigPath } from "./gateway-config.ts"
import { type Workspace, workspaceConfigPath } from "./workspace.ts"

/** The config files that steer one agent's results. */
export function configsOf(workspace: Workspace, agent: string): ConfigFile[] {
  return [workspaceConfigPath, gatewayConfigPath, agentConfigPath(agent)].flatMap((path) =>
    readConfigFile(workspace.dir, path),
  )
}

/** All config files of a workspace. */
export function allConfigs(workspace: Workspace): ConfigFile[] {
  const agents = join(workspace.dir, "agents")
  const names = existsSync(agents) ? readdirSync(agents).sort() : []
  return [workspaceConfigPath, gatewayConfigPath, ...names.map(agentConfigPath)].flatMap((path) =>
    readConfigFile(workspace.dir, path),
  )
}

function readConfigFile(dir: string, path: string): ConfigFile[] {
  const file = join(dir, path)
  if (!existsSync(file)) return []
  const signature = existsSync(`${file}.sig`) ? new Uint8Array(readFileSync(`${file}.sig`)) : null
  return [{ path, bytes: new Uint8Array(readFileSync(file)), signature }]
}
