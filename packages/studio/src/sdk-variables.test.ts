import { type ProviderConfig, type ProviderKind, providerKinds } from "@amc/core"
import { expect, test } from "vitest"
import { providerKindOf, providerPresets } from "./provider-preset.ts"
import { sdkVariables } from "./sdk-variables.ts"
import { exampleProvider } from "./session-terms.fixture.ts"

const gateway = { baseUrl: "http://127.0.0.1:3210", token: "amc-lease-token" }

function provider(
  id: string,
  kind: ProviderKind,
  upstream = "https://api.example",
): ProviderConfig {
  return { ...exampleProvider, id, kind, upstream }
}

test("each provider of a session is where its own SDKs look for it", () => {
  const variables = sdkVariables(
    [
      provider("oai", "openai"),
      provider("claude", "anthropic"),
      provider("google", "gemini"),
      provider("local", "ollama"),
      provider("az", "azure"),
      provider("aws", "bedrock", "https://bedrock-runtime.eu-central-1.amazonaws.com"),
    ],
    gateway,
  )
  expect(variables).toEqual({
    OPENAI_BASE_URL: "http://127.0.0.1:3210/oai/v1",
    OPENAI_API_KEY: "amc-lease-token",
    ANTHROPIC_BASE_URL: "http://127.0.0.1:3210/claude",
    ANTHROPIC_API_KEY: "amc-lease-token",
    GOOGLE_GEMINI_BASE_URL: "http://127.0.0.1:3210/google",
    GEMINI_API_KEY: "amc-lease-token",
    OLLAMA_HOST: "http://127.0.0.1:3210/local",
    OLLAMA_API_KEY: "amc-lease-token",
    AZURE_OPENAI_ENDPOINT: "http://127.0.0.1:3210/az",
    AZURE_OPENAI_API_KEY: "amc-lease-token",
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: "http://127.0.0.1:3210/aws",
    ANTHROPIC_BEDROCK_BASE_URL: "http://127.0.0.1:3210/aws",
    AWS_BEARER_TOKEN_BEDROCK: "amc-lease-token",
    AWS_REGION: "eu-central-1",
  })
})

test.each([
  { why: "that may be anything", providers: [provider("any", "compatible")], other: "any" },
  { why: "alone", providers: [provider("claude", "anthropic")], other: "claude" },
  {
    why: "first, unless another may be anything",
    providers: [provider("claude", "anthropic"), provider("any", "compatible")],
    other: "any",
  },
])("no SDK is left with a place outside the gateway by a provider $why", ({ providers, other }) => {
  const { OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL } = sdkVariables(
    providers,
    gateway,
  ) as Record<string, string>
  const own = providers.some(({ kind }) => kind === "anthropic") ? "claude" : other
  expect([OPENAI_BASE_URL, ANTHROPIC_BASE_URL, GOOGLE_GEMINI_BASE_URL]).toEqual([
    `http://127.0.0.1:3210/${other}/v1`,
    `http://127.0.0.1:3210/${own}`,
    `http://127.0.0.1:3210/${other}`,
  ])
})

test("of two providers of a kind the first is the one that its SDKs find", () => {
  const { OPENAI_BASE_URL } = sdkVariables(
    [provider("one", "openai"), provider("two", "openai")],
    gateway,
  )
  expect(OPENAI_BASE_URL).toBe("http://127.0.0.1:3210/one/v1")
})

test("a kind is the one that is named, else what the id is, else anything", () => {
  expect(providerKindOf("gemini", undefined)).toBe("gemini")
  expect(providerKindOf("work", undefined)).toBe("compatible")
  expect(providerKindOf("openai", "azure")).toBe("azure")
  expect(providerKindOf("constructor", undefined)).toBe("compatible")
  expect(() => providerKindOf("x", "mistral")).toThrow(
    expect.objectContaining({ code: "usage/invalid" }),
  )
})

test("every kind has a preset, and its place is an origin", () => {
  expect(Object.keys(providerPresets)).toEqual(providerKinds)
  for (const { example } of Object.values(providerPresets))
    expect(new URL(example).origin).toBe(example)
})
