import { join } from "node:path"
import type { ReportedFacts } from "@amc/core"
import { loadKeyring } from "@amc/vault"
import { verifyReceipt } from "@amc/verify"
import { afterAll, beforeAll, expect, test } from "vitest"
import { amc, amcJson, clone } from "./testing/amc.ts"
import { eventsOf, measuredOf } from "./testing/evidence.ts"
import { makePlace } from "./testing/place.ts"
import { scripted, startScriptedProviders } from "./testing/scripted-providers.ts"
import type { Upstream } from "./testing/upstream.ts"
import { addProvider, makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

interface Call {
  readonly provider: string
  readonly format: ReportedFacts<"llm_request">["format"]
  readonly stream?: boolean
  /** A tool is offered, and called. */
  readonly tool?: boolean
  /** A tool is offered. */
  readonly tools?: number
}

const chat = { provider: "openai", format: "openai.chat" } as const
const responses = { provider: "openai", format: "openai.responses" } as const
const message = { provider: "anthropic", format: "anthropic.messages" } as const
const generate = { provider: "gemini", format: "gemini.generate" } as const
const ollama = { provider: "ollama", format: "ollama.chat" } as const

/** The calls that each client makes on its tour, in order. */
const tours: Readonly<Record<string, readonly Call[]>> = {
  openai: [
    { provider: "openai", format: "openai.embeddings" },
    { provider: "azure", format: "openai.chat" },
    { ...chat, stream: true, tool: true },
  ],
  anthropic: [
    message,
    { ...message, stream: true },
    { ...message, stream: true, tool: true },
    { provider: "anthropic", format: "anthropic.count_tokens" },
  ],
  gemini: [
    generate,
    { ...generate, stream: true },
    { ...generate, stream: true, tool: true },
    { provider: "gemini", format: "gemini.count_tokens" },
  ],
  ollama: [
    ollama,
    { ...ollama, stream: true },
    { ...ollama, stream: true, tool: true },
    { provider: "ollama", format: "ollama.generate" },
  ],
  ai: [chat, { ...chat, stream: true }, { ...chat, tool: true }],
  agents: [
    { ...responses, stream: true },
    { ...responses, tool: true },
    { ...responses, tools: 1 },
  ],
  langchain: [chat, { ...chat, stream: true }, { ...chat, tool: true }],
}
const names = Object.keys(tours)
const calls = Object.values(tours).flat()
const client = ["node", join(clone, "e2e/agents/sdk-tour.ts"), ...names]
const providers = ["openai", "azure", "anthropic", "gemini", "ollama"]

let own: TestWorkspace
let upstream: Upstream

beforeAll(async () => {
  own = await makeWorkspace()
  upstream = await startScriptedProviders()
  for (const id of providers) await addProvider(own, id, upstream)
}, 240_000)

afterAll(async () => {
  await upstream?.close()
  await own?.close()
})

/** What the answers report; the scripted providers say the same in each format's own words. */
function reportedOf({ format, tool = false }: Call): Partial<ReportedFacts<"llm_response">> {
  const isCount = format.endsWith("count_tokens")
  const isGiven = !isCount && format !== "openai.embeddings"
  const cache = /^(?:openai\.(?:chat|responses)|anthropic\.messages|gemini\.generate)$/.test(format)
  return {
    model: isCount ? "" : scripted.model,
    input_tokens: scripted.input,
    output_tokens: isGiven ? scripted.output : -1,
    cache_read_tokens: cache ? scripted.cached : -1,
    cache_write_tokens: format === "anthropic.messages" ? 0 : -1,
    tool_calls: tool ? 1 : 0,
    tool_names: tool ? [scripted.tool] : [],
  }
}

interface Said {
  readonly said: Readonly<Record<string, readonly unknown[]>>
  readonly exchanges: readonly { readonly status: number; readonly response_sha256: string }[]
  readonly receipts: readonly { readonly request: string; readonly response: string }[]
}

test.each([
  { agent: "tour-wrapped", words: ["wrap"] },
  { agent: "tour-boxed", words: ["sandbox", "run"] },
])(
  "seven clients of six providers work in one session ($agent), and the facts of each call are right (G2)",
  { timeout: 300_000 },
  async ({ agent, words }) => {
    const before = upstream.arrived.length
    const named = providers.flatMap((id) => ["--provider", id])
    const ended = await amc(own, [...words, "--agent", agent, ...named, "--", ...client])
    expect(ended.exit, ended.stderr).toBe(0)
    const { said, exchanges, receipts } = JSON.parse(ended.stdout) as Said
    expect(said["anthropic"]).toEqual(["text", "text", "tool_use", scripted.input])
    expect(said["gemini"]).toEqual(["hello", "hello", 1, scripted.input])
    expect(said["agents"]).toEqual(["hello", "hello"])
    expect(exchanges.map(({ status }) => status)).toEqual(calls.map(() => 200))

    const events = (await eventsOf(own.dir)).filter(({ event }) => event.agent === agent)
    const [opened] = measuredOf(events, "session_open")
    expect(opened!.providers).toEqual(
      providers.map((provider) => ({ provider, upstream: upstream.origin, loopback: true })),
    )
    const asked = events.filter(({ event }) => event.type === "llm_request")
    const answered = events.filter(({ event }) => event.type === "llm_response")
    expect([asked.length, answered.length]).toEqual([calls.length, calls.length])
    for (const [at, call] of calls.entries()) {
      const { provider, format, stream = false, tool = false, tools = tool ? 1 : 0 } = call
      const facts = { request: asked[at]!.event.facts, response: answered[at]!.event.facts }
      expect(facts, `${at}`).toMatchObject({
        request: {
          measured: { provider, facts_truncated: false, secrets_found: 0 },
          reported: { format, model: "asked-1", stream, tools },
        },
        response: {
          measured: { status: 200, completeness: "complete", facts_truncated: false },
          reported: reportedOf(call),
        },
      })
    }

    const keyring = loadKeyring(own.dir, own.root)
    for (const [at, { response_sha256 }] of exchanges.entries()) {
      const { request, response } = receipts[at]!
      for (const [text, stored] of [
        [request, asked[at]!],
        [response, answered[at]!],
      ] as const)
        expect(verifyReceipt(text, { keyring, leaf: stored.leaf })).toMatchObject({
          accepted: true,
          value: { leafMatches: true, receipt: { agent, provider: calls[at]!.provider } },
        })
      expect(verifyReceipt(response, { keyring })).toMatchObject({
        value: { receipt: { body_sha256: response_sha256 } },
      })
    }

    const arrived = upstream.arrived.slice(before)
    const places = { anthropic: "x-api-key", gemini: "x-goog-api-key", azure: "api-key" } as const
    for (const [at, { provider }] of calls.entries()) {
      const { headers } = arrived[at]!
      const place = Object.hasOwn(places, provider) ? places[provider as keyof typeof places] : null
      expect(place === null ? headers.authorization : headers[place]).toBe(
        place === null ? `Bearer ${own.providerKey}` : own.providerKey,
      )
      expect(JSON.stringify(headers)).not.toContain("amc-lease-")
    }
  },
)

test("the workspace verifies, and shows the kinds of its providers", async () => {
  expect(await amcJson(own, ["verify"])).toMatchObject({ exit: 0 })
  const { data } = await amcJson(own, ["provider", "list"])
  const kinds = new Map<string, string>(
    data.providers.map(({ id, kind }: { id: string; kind: string }) => [id, kind]),
  )
  for (const id of providers) expect(kinds.get(id)).toBe(id)
  expect(kinds.get("scripted")).toBe("compatible")
})

test("a kind that is known needs nothing but its name; another says what it needs", async () => {
  const place = makePlace()
  try {
    await amcJson(place, ["init"])
    const add = (...words: string[]) => amcJson(place, ["provider", "add", ...words])
    expect((await add("anthropic")).data.provider).toEqual({
      id: "anthropic",
      kind: "anthropic",
      upstream: "https://api.anthropic.com",
      base_path: "",
      socket: null,
      auth: "x-api-key",
    })
    expect((await add("google", "--kind", "gemini")).data.provider).toMatchObject({
      upstream: "https://generativelanguage.googleapis.com",
      auth: "x-goog-api-key",
    })
    const bedrock = await add("bedrock")
    expect(bedrock).toMatchObject({ ok: false, findings: [{ code: "usage/invalid" }] })
    expect(bedrock.findings[0]!.next).toContain("--upstream https://bedrock-runtime.")
    expect(await add("x", "--kind", "mistral", "--upstream", "https://x.example")).toMatchObject({
      findings: [{ code: "usage/invalid", detail: expect.stringContaining("anthropic") }],
    })
    const { data } = await amcJson(place, ["provider", "list"])
    expect(data.providers.map(({ id }: { id: string }) => id)).toEqual([
      "anthropic",
      "google",
      "openai",
    ])
  } finally {
    place.remove()
  }
})
