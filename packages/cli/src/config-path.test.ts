import { expect, test } from "vitest"
import { configPath } from "./config-path.ts"

test.each([
  { typed: "gateway.yaml", path: "gateway.yaml" },
  { typed: ".amc/gateway.yaml", path: "gateway.yaml" },
  { typed: "./.amc/gatePolicy.json", path: "gatePolicy.json" },
  { typed: "gate-policy", path: "gatePolicy.json" },
  { typed: "users", path: "users.yaml" },
  { typed: ".amc/agents/a1/agent.config.yaml", path: "agents/a1/agent.config.yaml" },
])("'$typed' is the config file $path", ({ typed, path }) => {
  expect(configPath(typed)).toBe(path)
})

test.each(["agent", "other.yaml", "../.amc/gateway.yaml", "/etc/passwd", ".amc/../x", ""])(
  "'%s' is no config file",
  (typed) => {
    expect(() => configPath(typed)).toThrow(expect.objectContaining({ code: "usage/invalid" }))
  },
)
