import {
  type AgentConfig,
  agentConfigSchema,
  AmcError,
  type EgressNarrowing,
  type WirePolicy,
} from "@amc/core"
import { agentConfigPath, ensureAgentConfig } from "./agent-config.ts"
import { changeConfig } from "./config-change.ts"
import { findProvider } from "./gateway-config.ts"
import type { LoadedConfig } from "./signed-config.ts"
import type { Workspace } from "./workspace.ts"

export interface BindTerms {
  readonly agent: string
  /** The providers that the agent may call from now on; every one if there are none. */
  readonly providers: readonly string[]
  /** What else its calls have to satisfy. It takes the place of what was there. */
  readonly policy: WirePolicy | undefined
  /** What its connections are narrowed to; as before if left out. */
  readonly egress?: EgressNarrowing | undefined
  readonly clock: () => number
}

/**
 * Signs what an agent may ask of its providers into the agent's config. What is signed goes on only from
 * what was signed before.
 *
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`; as {@link changeConfig}
 */
export async function bindAgent(
  workspace: Workspace,
  { agent, providers, policy = {}, egress: narrowed, clock }: BindTerms,
): Promise<LoadedConfig<AgentConfig>> {
  return changeConfig(workspace, { clock }, async ({ notary, gatewayConfig, configs }) => {
    for (const id of providers) findProvider(gatewayConfig.value, id)
    const path = agentConfigPath(agent)
    const before = await ensureAgentConfig(workspace, agent, notary, clock())
    const flaw = before.flaw ?? configs.get(path)?.flaw ?? null
    if (flaw !== null)
      throw new AmcError(
        "input/malformed",
        `${flaw.detail}, so nothing is put beside what it says`,
        {
          hint: `look at what it says, then sign it with 'amc config sign ${path}'`,
        },
      )
    const routes = policy.routes ?? providers.map((provider) => ({ provider }))
    const gateway = { ...policy, ...(routes.length > 0 && { routes }) }
    const {
      v,
      limits,
      egress = narrowed,
    } = { ...before.value, ...(narrowed && { egress: narrowed }) }
    const value: AgentConfig = { v, agent, limits, gateway, ...(egress && { egress }) }
    return { path, value, schema: agentConfigSchema }
  })
}
