import { expect, test } from "vitest"
import { gatewayConfigSchema } from "./config.ts"

const base = { v: 1, providers: [] }

test.each([
  { clocks: {} },
  { clocks: { request: 1, connect: 1, headers: 1, idle: 1, total: 1 } },
  { clocks: { request: 3600, connect: 300, headers: 3600, idle: 3600, total: 86_400 } },
])("clocks may be $clocks", ({ clocks }) => {
  expect(gatewayConfigSchema.parse({ ...base, clocks })).toEqual({ ...base, clocks })
})

test.each([
  { why: "none", clocks: { idle: 0 } },
  { why: "less than none", clocks: { total: -1 } },
  { why: "a part of a second", clocks: { connect: 0.5 } },
  { why: "longer than a day", clocks: { total: 86_401 } },
  { why: "a dial of more than five minutes", clocks: { connect: 301 } },
  { why: "a text", clocks: { headers: "10" } },
  { why: "of an unknown kind", clocks: { read: 5 } },
])("a clock is refused that is $why", ({ clocks }) => {
  expect(gatewayConfigSchema.safeParse({ ...base, clocks }).success).toBe(false)
})
