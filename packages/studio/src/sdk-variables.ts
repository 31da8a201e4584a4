import type { ProviderConfig, ProviderKind } from "@amc/core"

type Variables = Readonly<Record<string, string>>

/** Where one provider is reached, and with what in place of a key. */
interface Way {
  readonly url: string
  readonly token: string
  readonly upstream: string
}

const openai = ({ url, token }: Way): Variables => ({
  OPENAI_BASE_URL: `${url}/v1`,
  OPENAI_API_KEY: token,
})
const anthropic = ({ url, token }: Way): Variables => ({
  ANTHROPIC_BASE_URL: url,
  ANTHROPIC_API_KEY: token,
})
const gemini = ({ url, token }: Way): Variables => ({
  GOOGLE_GEMINI_BASE_URL: url,
  GEMINI_API_KEY: token,
})
const ollama = ({ url, token }: Way): Variables => ({ OLLAMA_HOST: url, OLLAMA_API_KEY: token })
const azure = ({ url, token }: Way): Variables => ({
  AZURE_OPENAI_ENDPOINT: url,
  AZURE_OPENAI_API_KEY: token,
})

function bedrock({ url, token, upstream }: Way): Variables {
  const [, region] = /\/\/bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com/.exec(upstream) ?? []
  return {
    AWS_ENDPOINT_URL_BEDROCK_RUNTIME: url,
    ANTHROPIC_BEDROCK_BASE_URL: url,
    AWS_BEARER_TOKEN_BEDROCK: token,
    ...(region === undefined ? {} : { AWS_REGION: region }),
  }
}

const named: Readonly<Record<Exclude<ProviderKind, "compatible">, (way: Way) => Variables>> = {
  openai,
  anthropic,
  gemini,
  ollama,
  azure,
  bedrock,
}

/**
 * What points the usual SDKs to the gateway, with the lease in place of a key. Those that no provider of
 * their own is there for are pointed to the first one that may be anything, or else the first: what an
 * agent tries there is refused by the provider, and seen.
 */
export function sdkVariables(
  providers: readonly ProviderConfig[],
  { baseUrl, token }: { readonly baseUrl: string; readonly token: string },
): Record<string, string> {
  const ways = providers.map(({ id, kind, upstream }) => ({
    kind,
    way: { url: `${baseUrl}/${id}`, token, upstream },
  }))
  const own = ways.map(({ kind, way }) => (kind === "compatible" ? {} : named[kind](way)))
  const any = ways.find(({ kind }) => kind === "compatible") ?? ways[0]
  const rest = any === undefined ? [] : [openai, anthropic, gemini].map((make) => make(any.way))
  return Object.assign({}, ...rest, ...own.toReversed()) as Record<string, string>
}
