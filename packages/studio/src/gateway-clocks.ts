import type { GatewayConfig } from "@amc/core"
import {
  defaultEgressLimits,
  defaultLimits,
  type EgressLimits,
  type GatewayLimits,
} from "@amc/gateway"
import type { LoadedConfig } from "./signed-config.ts"

type Clock = "connectMs" | "idleMs" | "totalMs"

/** The gateway's limits with the clocks that the owner signed for. */
export function gatewayLimitsOf(config: LoadedConfig<GatewayConfig>): GatewayLimits {
  const { request, headers } = clocksOf(config)
  const { requestMs, headersMs } = defaultLimits
  return {
    ...defaultLimits,
    ...sharedOf(config, defaultLimits),
    requestMs: millisOf(request, requestMs),
    headersMs: millisOf(headers, headersMs),
  }
}

/** The egress proxy's limits with the same clocks. Its own short ones are never made longer. */
export function egressLimitsOf(config: LoadedConfig<GatewayConfig>): EgressLimits {
  const { headMs, helloMs } = defaultEgressLimits
  const requestMs = millisOf(clocksOf(config).request, headMs)
  return {
    ...defaultEgressLimits,
    ...sharedOf(config, defaultEgressLimits),
    headMs: Math.min(headMs, requestMs),
    helloMs: Math.min(helloMs, requestMs),
  }
}

function sharedOf(
  config: LoadedConfig<GatewayConfig>,
  by: Readonly<Record<Clock, number>>,
): Readonly<Record<Clock, number>> {
  const { connect, idle, total } = clocksOf(config)
  return {
    connectMs: millisOf(connect, by.connectMs),
    idleMs: millisOf(idle, by.idleMs),
    totalMs: millisOf(total, by.totalMs),
  }
}

/** What nobody signed for sets no clock. */
function clocksOf({ value, flaw }: LoadedConfig<GatewayConfig>): GatewayConfig["clocks"] & {} {
  return (flaw === null ? value.clocks : undefined) ?? {}
}

function millisOf(seconds: number | undefined, millis: number): number {
  return seconds === undefined ? millis : seconds * 1000
}
