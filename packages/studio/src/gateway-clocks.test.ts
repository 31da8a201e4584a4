import type { GatewayClocks, GatewayConfig } from "@amc/core"
import { defaultEgressLimits, defaultLimits } from "@amc/gateway"
import { expect, test } from "vitest"
import { egressLimitsOf, gatewayLimitsOf } from "./gateway-clocks.ts"
import type { LoadedConfig } from "./signed-config.ts"

function config(clocks?: GatewayClocks, isSigned = true): LoadedConfig<GatewayConfig> {
  const flaw = isSigned ? null : ({ code: "CONFIG_UNSIGNED", detail: "nobody signed" } as const)
  const value: GatewayConfig = { v: 1, providers: [], ...(clocks === undefined ? {} : { clocks }) }
  const file = { path: "gateway.yaml", bytes: new Uint8Array(), sha256: "", signature: null }
  return { ...file, value, version: 1, flaw, endOfKey: null }
}

const all = { request: 1, connect: 2, headers: 3, idle: 4, total: 5 }

test("signed clocks take the place of the gateway's and the proxy's own", () => {
  expect(gatewayLimitsOf(config(all))).toEqual({
    ...defaultLimits,
    requestMs: 1000,
    connectMs: 2000,
    headersMs: 3000,
    idleMs: 4000,
    totalMs: 5000,
  })
  expect(egressLimitsOf(config(all))).toEqual({
    ...defaultEgressLimits,
    headMs: 1000,
    helloMs: 1000,
    connectMs: 2000,
    idleMs: 4000,
    totalMs: 5000,
  })
})

test("more time for requests is none for the proxy's heads and hellos", () => {
  expect(egressLimitsOf(config({ request: 3600 }))).toEqual(defaultEgressLimits)
  expect(egressLimitsOf(config({ request: 7 }))).toEqual({ ...defaultEgressLimits, headMs: 7000 })
})

test.each([
  { why: "names none", loaded: config() },
  { why: "names an empty group", loaded: config({}) },
  { why: "nobody signed for", loaded: config(all, false) },
])("a config that $why leaves all clocks as they are", ({ loaded }) => {
  expect([gatewayLimitsOf(loaded), egressLimitsOf(loaded)]).toEqual([
    defaultLimits,
    defaultEgressLimits,
  ])
})
