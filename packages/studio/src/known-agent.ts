import { AmcError, systemAgent } from "@amc/core"
import type { Capture } from "./capture.ts"

/**
 * Refuses an agent of which the ledger holds nothing: a run about it would be a mistyped name, sealed.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export async function requireKnownAgent({ recorder }: Capture, agent: string): Promise<void> {
  const heads = (await recorder.heads()).agents
  const known = heads.map((head) => head.agent).filter((name) => name !== systemAgent)
  if (known.includes(agent)) return
  throw new AmcError("usage/invalid", `the ledger holds nothing of an agent '${agent}'`, {
    hint:
      known.length === 0
        ? "no agent has run in this workspace yet: 'amc score -- <your agent command>' runs one"
        : `it knows: ${known.sort().join(", ")}`,
  })
}
