import { z } from "zod"

/**
 * `clocks` of `gateway.yaml`: how many seconds the gateway and the egress proxy wait at most. What is not named has
 * its default (spec/gateway-http.md, spec/egress.md).
 */
export interface GatewayClocks {
  /** Until a request is there in full; of a connection through the proxy its head and its ClientHello. */
  readonly request?: number | undefined
  readonly connect?: number | undefined
  /** From a request's end to the head of its answer. */
  readonly headers?: number | undefined
  /** With no byte that moves. */
  readonly idle?: number | undefined
  readonly total?: number | undefined
}

function seconds(most: number): z.ZodOptional<z.ZodInt> {
  return z.int().min(1).max(most).optional()
}

export const gatewayClocksSchema: z.ZodType<GatewayClocks> = z.strictObject({
  request: seconds(3600),
  connect: seconds(300),
  headers: seconds(3600),
  idle: seconds(3600),
  total: seconds(86_400),
})
