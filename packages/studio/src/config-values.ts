import { type GatewayConfig, isFault, parseConfig, parseStrictJson, parseYaml } from "@amc/core"
import { z } from "zod"
import { limitsOf } from "./agent-config.ts"
import { againstHistory, nothingRecorded, readConfigHistory } from "./config-history.ts"
import { judgeConfigs } from "./config-list.ts"
import { gatewayConfigPath } from "./gateway-config.ts"
import { hasLedger } from "./ledger-reader.ts"
import type { JudgedConfig } from "./judged-config.ts"
import { trusting, type Workspace, workspaceConfigPath } from "./workspace.ts"

/** One setting as it counts, and where it comes from. */
export interface ConfigValue {
  readonly path: string
  readonly key: string
  readonly value: unknown
  readonly origin: string
}

/**
 * The settings of the config files that are there, as a capture would use them now. What a file says that
 * is not the owner's word is shown as what takes its place.
 *
 * @throws {@link AmcError} `store/unavailable`
 */
export async function effectiveValues(
  workspace: Workspace,
  now: number,
): Promise<readonly ConfigValue[]> {
  const history = hasLedger(workspace)
    ? await readConfigHistory(workspace)
    : nothingRecorded.history
  const trusted = trusting(workspace, againstHistory(workspace.config, history))
  return [...judgeConfigs(workspace, history, now).values()].flatMap((judged) =>
    valuesOf(trusted, judged),
  )
}

function valuesOf(workspace: Workspace, judged: JudgedConfig): readonly ConfigValue[] {
  const { path } = judged
  try {
    const written = new Map(flat(rawValue(judged)))
    const values = flat(valueOf(workspace, judged)).map(([key, value]) => ({
      path,
      key,
      value,
      origin: originOf(judged, written.get(key) === value),
    }))
    return path === workspaceConfigPath ? [...values, ...boundary(values)] : values
  } catch (error) {
    if (!isFault(error)) throw error
    return [{ path, key: "", value: null, origin: judged.flaw?.detail ?? error.message }]
  }
}

function valueOf({ config }: Workspace, judged: JudgedConfig): unknown {
  if (judged.path === workspaceConfigPath) return config.value
  const value = parseConfig(judged.bytes, judged.path)
  if (judged.path === gatewayConfigPath) return countedGateway(value as GatewayConfig, judged)
  const isAgent = judged.path.startsWith("agents/")
  return isAgent ? { ...(value as object), limits: limitsOf(judged) } : value
}

/** The allowlist is the owner's word or none, and so are the clocks. */
function countedGateway(value: GatewayConfig, { flaw }: JudgedConfig): GatewayConfig {
  if (flaw === null) return value
  const { clocks: _, egress, ...counted } = value
  return egress === undefined ? counted : { ...counted, egress: { allow: [], addresses: [] } }
}

/** As it is written, without what a schema fills in. */
function rawValue({ path, bytes }: JudgedConfig): unknown {
  const parse = path.endsWith(".json") ? parseStrictJson : parseYaml
  return parse(bytes, z.unknown(), path)
}

function originOf({ path, version, flaw }: JudgedConfig, isWritten: boolean): string {
  if (isWritten)
    return flaw === null ? `${path}, version ${version}, signed` : `${path}, ${flaw.code}`
  return flaw === null ? "default" : `in place of ${path}, ${flaw.code}`
}

/** What is not set is said too, since it decides how every session counts (T4). */
function boundary(values: readonly ConfigValue[]): readonly ConfigValue[] {
  const key = "security.trustBoundaryMode"
  if (values.some((value) => value.key === key)) return []
  return [{ path: workspaceConfigPath, key, value: null, origin: "measured decides" }]
}

/** The leaves of a value by their paths in it. */
function flat(value: unknown, key = ""): readonly (readonly [string, unknown])[] {
  if (typeof value !== "object" || value === null) return [[key, value]]
  const entries = Object.entries(value)
  if (entries.length === 0) return [[key, value]]
  return entries.flatMap(([name, each]) => flat(each, key === "" ? name : `${key}.${name}`))
}
