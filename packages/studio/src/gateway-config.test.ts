import { type GatewayConfig, gatewayConfigSchema, type ProviderConfig } from "@amc/core"
import { expect, test } from "vitest"
import { findProvider, upstreamOf } from "./gateway-config.ts"
import type { Workspace } from "./workspace.ts"

const workspace = { dir: "/w/.amc" } as Workspace

function provider(change: Partial<ProviderConfig>): ProviderConfig {
  const plain = {
    id: "p",
    kind: "compatible",
    base_path: "",
    socket: null,
    auth: "bearer",
  } as const
  return { ...plain, upstream: "https://api.example.com", ...change }
}

function isLoopback(upstream: string): boolean {
  return upstreamOf(workspace, provider({ upstream }), null).loopback
}

test.each([
  "http://localhost",
  "http://LOCALHOST:8080",
  "http://localhost.",
  "http://api.localhost",
  "http://127.0.0.1",
  "http://127.0.0.1:11434",
  "http://127.9.9.9",
  "http://127.1",
  "http://2130706433",
  "http://0x7f000001",
  "http://0.0.0.0",
  "http://0",
  "http://[::1]:8080",
  "http://[0:0:0:0:0:0:0:1]",
  "http://[::]",
  "http://[::ffff:127.0.0.1]",
  "http://[::ffff:7f00:1]",
])("%s is this machine, so its owner could make the answers", (upstream) => {
  expect(isLoopback(upstream)).toBe(true)
})

test.each([
  "https://api.openai.com",
  "https://localhost.example.com",
  "https://notlocalhost",
  "https://127.0.0.1.example.com",
  "http://128.0.0.1",
  "http://10.0.0.1",
  "http://[::2]",
  "http://[fe80::1]",
  "http://[::ffff:8.8.8.8]",
])("%s is another machine, as far as its name says", (upstream) => {
  expect(isLoopback(upstream)).toBe(false)
})

test.each([
  { why: "absolute", socket: "/run/model.sock", path: "/run/model.sock" },
  { why: "in the workspace", socket: "model.sock", path: "/w/.amc/model.sock" },
])(
  "a socket that is $why is dialled, and is this machine whatever the host",
  ({ socket, path }) => {
    const { socketPath, loopback } = upstreamOf(workspace, provider({ socket }), null)
    expect({ socketPath, loopback }).toEqual({ socketPath: path, loopback: true })
  },
)

test("the gateway is told where to forward and where the key goes", () => {
  const key = Uint8Array.of(1)
  expect(upstreamOf(workspace, provider({ base_path: "/v1", auth: "bearer" }), key)).toEqual({
    id: "p",
    origin: "https://api.example.com",
    basePath: "/v1",
    key,
    keyPlace: "authorization",
    loopback: false,
  })
  expect(upstreamOf(workspace, provider({ auth: "x-api-key" }), key).keyPlace).toBe("x-api-key")
})

test("finds a provider by its id and names those that there are", () => {
  const config: GatewayConfig = { v: 1, providers: [provider({ id: "a" }), provider({ id: "b" })] }
  expect(findProvider(config, "b").id).toBe("b")
  expect(() => findProvider(config, "c")).toThrow(
    expect.objectContaining({
      code: "usage/invalid",
      hint: expect.stringContaining("it names: a, b"),
    }),
  )
})

test.each(["http://[", "http://:", "http://[::1", "http://a..b:99999", "http://1.2.3.256"])(
  "no config names an upstream that can't be: %s",
  (upstream) => {
    const config = { v: 1, providers: [{ id: "p", upstream }] }
    expect(gatewayConfigSchema.safeParse(config).success).toBe(false)
  },
)
