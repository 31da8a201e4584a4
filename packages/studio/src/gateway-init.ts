import { AmcError, type GatewayConfig } from "@amc/core"
import { openCapture } from "./capture.ts"
import { putConfig } from "./config-change.ts"
import { gatewaySettings, hasGatewayConfig } from "./gateway-config.ts"
import type { LoadedConfig } from "./signed-config.ts"
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
    const { gatewayConfig } = capture
    if (hasGatewayConfig(workspace)) {
      if (gatewayConfig.flaw === null) return { config: gatewayConfig, isNew: false }
      throw new AmcError("input/malformed", gatewayConfig.flaw.detail, {
        hint: "look at what it names, then sign it with 'amc config sign gateway.yaml'",
      })
    }
    const config = await putConfig(capture, gatewaySettings({ v: 1, providers: [] }))
    return { config, isNew: true }
  } finally {
    await capture.close()
  }
}
