import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { ConfigFile } from "@amc/verify"
import { agentConfigPath } from "./agent-config.ts"
import { gatewayConfigPath } from "./gateway-config.ts"
import { completeWrite, type ConfigPlace, readSignature } from "./signed-config.ts"
import { type Workspace, workspaceConfigPath } from "./workspace.ts"

/** The config files that steer one agent's results. */
export function configsOf(workspace: Workspace, agent: string): ConfigFile[] {
  return [workspaceConfigPath, gatewayConfigPath, agentConfigPath(agent)].flatMap((path) =>
    readConfigFile(workspace, path),
  )
}

/** All config files of a workspace, as they are now. */
export function allConfigs(workspace: ConfigPlace): ConfigFile[] {
  return configPaths(workspace.dir).flatMap((path) => readConfigFile(workspace, path))
}

/** Finishes the config writes that a crash left half done. Only the lane's writer may do that. */
export function completeConfigs(workspace: ConfigPlace): void {
  for (const path of configPaths(workspace.dir)) completeWrite(workspace, path)
}

function configPaths(dir: string): string[] {
  const agents = join(dir, "agents")
  const names = existsSync(agents) ? readdirSync(agents).sort() : []
  return [workspaceConfigPath, gatewayConfigPath, ...names.map(agentConfigPath)]
}

function readConfigFile(place: ConfigPlace, path: string): ConfigFile[] {
  const file = join(place.dir, path)
  if (!existsSync(file)) return []
  const bytes = new Uint8Array(readFileSync(file))
  return [{ path, bytes, signature: readSignature(place, path, bytes) }]
}
