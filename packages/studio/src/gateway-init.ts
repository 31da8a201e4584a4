import { AmcError, type GatewayConfig, gatewayConfigSchema } from "@amc/core"
import { stringify } from "yaml"
import { configEvent, openCapture } from "./capture.ts"
import { gatewayConfigPath, hasGatewayConfig } from "./gateway-config.ts"
import { type LoadedConfig, writeConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

/** What `gateway init` found or made. */
export interface GatewayInit {
  readonly config: LoadedConfig<GatewayConfig>
  readonly isNew: boolean
}

/**
 * Makes and signs a gateway.yaml with no providers, where none is there. One that is there and signed stays.
 *
 * @throws {@link AmcError} `input/malformed` for one that nobody signed for; as {@link openCapture}
 */
export async function initGateway(workspace: Workspace, clock: () => number): Promise<GatewayInit> {
  const capture = await openCapture(workspace, { clock, replacesGateway: true })
  try {
    const { gatewayConfig, configHistory, notary, recorder } = capture
    if (hasGatewayConfig(workspace)) {
      if (gatewayConfig.flaw === null) return { config: gatewayConfig, isNew: false }
      throw new AmcError("input/malformed", gatewayConfig.flaw.detail, {
        hint: "look at what it names, then sign it with 'amc config sign gateway.yaml'",
      })
    }
    const source = stringify({ v: 1, providers: [] })
    const last = configHistory.get(gatewayConfigPath)?.version
    const config = await writeConfig(
      workspace,
      gatewayConfigPath,
      source,
      gatewayConfigSchema,
      notary,
      last,
    )
    await recorder.record(configEvent(config))
    return { config, isNew: true }
  } finally {
    await capture.close()
  }
}
