import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { type ConfigKind, configKinds, findConfigKind, isFault } from "@amc/core"
import type { ConfigFile, ConfigHistory } from "@amc/verify"
import { agentConfigPath } from "./agent-config.ts"
import { againstHistory } from "./config-history.ts"
import { type ConfigPlace, readConfigBytes } from "./config-place.ts"
import { completeWrite, hasNextSignature, readSignature } from "./config-signature.ts"
import { judgeConfig, type JudgedConfig } from "./judged-config.ts"
import type { Workspace } from "./workspace.ts"

/** The config files of which a bundle about one agent shows the bytes. */
export function configsOf(workspace: Workspace, agent: string): ConfigFile[] {
  const isShown = (path: string): boolean => {
    const kind = findConfigKind(path)
    return kind?.isBundled === true && (kind.name !== "agent" || path === agentConfigPath(agent))
  }
  return configPaths(workspace)
    .filter(isShown)
    .map((path) => readConfigFile(workspace, path))
}

/** All config files of a workspace, as they are now. */
export function allConfigs(place: ConfigPlace): ConfigFile[] {
  return configPaths(place).map((path) => readConfigFile(place, path))
}

/**
 * Judges each config file that is there or that the ledger names, in the light of what was recorded of it:
 * one that is gone is no better than one that was forged.
 */
export function judgeConfigs(
  place: ConfigPlace,
  history: ConfigHistory,
  now: number,
): ReadonlyMap<string, JudgedConfig> {
  const named = [...history.keys()].filter((path) => findConfigKind(path) !== undefined)
  const paths = new Set([...configPaths(place), ...named])
  return new Map(
    [...paths].map((path) => {
      const bytes = readOrNothing(place, path)
      const judged = judgeConfig(place, path, bytes ?? new Uint8Array(), now)
      return [path, bytes === null ? gone(judged) : againstHistory(judged, history)]
    }),
  )
}

/** The config files beside which a crash left their next signature. */
export function halfWrittenConfigs(place: ConfigPlace): readonly string[] {
  return configPaths(place).filter((path) => hasNextSignature(place, path))
}

/** Finishes the config writes that a crash left half done. Only the lane's writer may do that. */
export function completeConfigs(place: ConfigPlace): void {
  for (const path of configPaths(place)) completeWrite(place, path)
}

/** The paths of the config files that are there, in the order of their kinds. */
function configPaths(place: ConfigPlace): readonly string[] {
  return configKinds.flatMap((kind) => pathsOf(place, kind))
}

function pathsOf({ dir }: ConfigPlace, { pattern }: ConfigKind): readonly string[] {
  const [before = "", after] = pattern.split("<id>")
  if (after === undefined) return existsSync(join(dir, pattern)) ? [pattern] : []
  const names = existsSync(join(dir, before)) ? readdirSync(join(dir, before)).sort() : []
  // An agent's folder is named by the id; a target's file has it in its name.
  const paths = names.map((name) => `${before}${name}${after.startsWith("/") ? after : ""}`)
  return paths.filter(
    (path) => findConfigKind(path)?.pattern === pattern && existsSync(join(dir, path)),
  )
}

/** A file that can't be read as one has no bytes that anybody signed. */
function readConfigFile(place: ConfigPlace, path: string): ConfigFile {
  const bytes = readOrNothing(place, path) ?? new Uint8Array()
  return { path, bytes, signature: signatureOf(place, path, bytes) }
}

/** What can't be read as a signature is none that fits. */
function signatureOf(place: ConfigPlace, path: string, bytes: Uint8Array): Uint8Array | null {
  try {
    return readSignature(place, path, bytes)
  } catch (error) {
    if (isFault(error)) return new Uint8Array()
    throw error
  }
}

function readOrNothing(place: ConfigPlace, path: string): Uint8Array | null {
  try {
    return readConfigBytes(place, path)
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

function gone(config: JudgedConfig): JudgedConfig {
  const detail = `${config.path} can't be read, or is gone`
  return { ...config, version: 0, flaw: { code: "CONFIG_SIGNATURE_INVALID", detail } }
}
