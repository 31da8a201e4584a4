import { AmcError } from "@amc/core"
import type { ListenAt } from "@amc/gateway"
import { egressPolicyOf } from "./egress-config.ts"
import type { StandingParts } from "./standing-parts.ts"

/** Where a standing gateway listens. */
export interface ListenTerms {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Where its egress proxy listens, on the same address; 0 takes a free one. */
  readonly egressPort: number
}

/** The ports that it has. */
export interface StandingPorts {
  readonly gateway: number
  /** Null where nothing is let out, so that nothing listens. */
  readonly egress: number | null
}

/** Lets the gateway and its egress proxy listen. @throws {@link AmcError} `usage/invalid` where they can't */
export async function listen(
  { capture, gateway, egress, ports }: StandingParts,
  { host, port, egressPort }: ListenTerms,
): Promise<StandingPorts> {
  const isOpen = egressPolicyOf(capture.gatewayConfig).allow.length > 0
  const own = await listening(host, port, (at) => gateway.listen(at, "loopback"))
  ports.push(own)
  const open = (at: ListenAt): Promise<number | null> => egress.listen(at, { ingress: "loopback" })
  return { gateway: own, egress: isOpen ? await listening(host, egressPort, open) : null }
}

async function listening(
  host: string,
  port: number,
  open: (at: ListenAt) => Promise<number | null>,
): Promise<number> {
  try {
    return (await open({ host, port })) ?? port
  } catch (cause) {
    throw new AmcError("usage/invalid", `nothing can listen on ${host}:${port}`, {
      cause,
      hint: "another program may have the port; port 0 takes one that is free",
    })
  }
}
