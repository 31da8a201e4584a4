import type { GatewayConfig } from "@amc/core"
import { againstHistory, readConfigHistory } from "./config-history.ts"
import { loadGatewayConfig } from "./gateway-config.ts"
import { hasLedger } from "./ledger-reader.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/**
 * The gateway config that is there, judged by what the ledger named.
 *
 * @throws {@link AmcError} `workspace/missing`, `input/malformed`
 */
export async function judgedGatewayConfig(
  workspace: Workspace,
  now: number,
): Promise<LoadedConfig<GatewayConfig>> {
  const history = hasLedger(workspace) ? await readConfigHistory(workspace) : new Map()
  return againstHistory(loadGatewayConfig(workspace, now), history)
}
