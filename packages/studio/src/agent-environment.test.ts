import { expect, test } from "vitest"
import { boxEnvironment, plainEnvironment } from "./agent-environment.ts"
import { noConnections } from "./connection-tally.ts"
import type { SessionGateway } from "./session-gateway.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import { SecretScanner } from "@amc/gateway"

const gateway: SessionGateway = {
  token: "amc-lease-token",
  secrets: new SecretScanner([]),
  socketPath: "/tmp/x.sock",
  baseUrl: "http://127.0.0.1:3210",
  egress: { socketPath: null, proxyUrl: null, connections: () => noConnections },
  exchanges: () => ({ requests: 0, served: 0, troubles: [] }),
  close: async () => undefined,
}

/** What a monitor's own environment may hold. */
const monitor = {
  HOME: "/home/owner",
  PATH: "/owner/bin:/usr/bin",
  LANG: "de_DE.UTF-8",
  LC_ALL: "de_DE.UTF-8",
  TZ: "Europe/Berlin",
  TERM: "xterm",
  TMPDIR: "/owner/tmp",
  NO_COLOR: "1",
  OPENAI_MODEL: "gpt-5",
  OPENAI_API_KEY: "sk-owner",
  ANTHROPIC_API_KEY: "sk-owner",
  OPENAI_BASE_URL: "https://elsewhere.example",
  AWS_SECRET_ACCESS_KEY: "sk-owner",
  GITHUB_TOKEN: "sk-owner",
  AMC_VAULT_PASSPHRASE: "sk-owner",
  AMC_SESSION: "77",
  XDG_STATE_HOME: "/owner/state",
  XDG_RUNTIME_DIR: "/run/user/1",
  SSH_AUTH_SOCK: "/owner/agent.sock",
  NODE_OPTIONS: "--require /owner/x.js",
  LD_PRELOAD: "/owner/x.so",
  HTTPS_PROXY: "http://proxy.example",
  EMPTY: undefined,
}

const terms = sessionTerms({ cwd: "/", environment: monitor, number: 3 })
const mounts = { readOnly: [], path: ["/p/node_modules/.bin", "/opt/node/bin"] }

test("a boxed agent gets its lease in place of a key, and nothing else of the owner's", () => {
  const url = "http://127.0.0.1:3210/openai"
  expect(boxEnvironment(terms, mounts, gateway)).toEqual({
    LANG: "de_DE.UTF-8",
    LC_ALL: "de_DE.UTF-8",
    TZ: "Europe/Berlin",
    NO_COLOR: "1",
    OPENAI_MODEL: "gpt-5",
    OPENAI_BASE_URL: `${url}/v1`,
    OPENAI_API_KEY: "amc-lease-token",
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_API_KEY: "amc-lease-token",
    GOOGLE_GEMINI_BASE_URL: url,
    GEMINI_API_KEY: "amc-lease-token",
    PATH: "/p/node_modules/.bin:/opt/node/bin:/usr/local/bin:/usr/bin:/bin",
    HOME: "/home/agent",
    TMPDIR: "/tmp",
    AMC_SESSION: "3",
  })
})

test("the owner's check runs with no gateway and no lease", () => {
  const environment = boxEnvironment(terms, mounts, null)
  expect(Object.values(environment).join(" ")).not.toMatch(/amc-lease-token|3210/)
  expect(environment["AMC_SESSION"]).toBe("3")
})

test("an agent without a box gets the lease, listed names, and nothing of AMC's", () => {
  const environment = plainEnvironment(terms, gateway)
  expect(Object.keys(environment).filter((name) => name.startsWith("AMC_"))).toEqual([])
  expect(environment).toMatchObject({
    HOME: "/home/owner",
    PATH: "/owner/bin:/usr/bin",
    OPENAI_API_KEY: "amc-lease-token",
    OPENAI_BASE_URL: "http://127.0.0.1:3210/openai/v1",
  })
})

test.each([
  { why: "in a box", environment: boxEnvironment(terms, mounts, gateway) },
  { why: "without one", environment: plainEnvironment(terms, gateway) },
])("no key, passphrase or way around reaches an agent $why", ({ environment }) => {
  expect(Object.values(environment)).not.toContain("sk-owner")
  const forbidden = /^(XDG_|SSH_|NODE_OPTIONS|LD_|HTTPS?_PROXY|AMC_(?!SESSION)|GITHUB|AWS)/
  expect(Object.keys(environment).filter((name) => forbidden.test(name))).toEqual([])
  expect(JSON.stringify(environment)).not.toMatch(/owner\/state|elsewhere|77/)
})

test.each(["boxed", "plain"])("a %s agent with a way out gets it as its proxy (G3)", (kind) => {
  const proxyUrl = "http://agent:amc-lease-token@127.0.0.1:3211"
  const withEgress = { ...gateway, egress: { ...gateway.egress, proxyUrl } }
  const environment =
    kind === "boxed"
      ? boxEnvironment(terms, mounts, withEgress)
      : plainEnvironment(terms, withEgress)
  expect(environment).toMatchObject({
    HTTP_PROXY: proxyUrl,
    HTTPS_PROXY: proxyUrl,
    http_proxy: proxyUrl,
    https_proxy: proxyUrl,
    NO_PROXY: "127.0.0.1,localhost,::1",
    no_proxy: "127.0.0.1,localhost,::1",
    NODE_USE_ENV_PROXY: "1",
  })
})
