import { AmcError, type ProviderConfig, type ProviderKind } from "@amc/core"

/** What is known of a kind of provider before anybody says more. */
export interface ProviderPreset {
  /** Null where each customer has their own. */
  readonly upstream: string | null
  readonly auth: ProviderConfig["auth"]
  /** How an upstream of this kind looks. */
  readonly example: string
}

export const providerPresets: Readonly<Record<ProviderKind, ProviderPreset>> = {
  openai: preset("https://api.openai.com", "bearer"),
  anthropic: preset("https://api.anthropic.com", "x-api-key"),
  gemini: preset("https://generativelanguage.googleapis.com", "x-goog-api-key"),
  ollama: preset("http://127.0.0.1:11434", "bearer"),
  azure: own("https://my-resource.openai.azure.com", "api-key"),
  bedrock: own("https://bedrock-runtime.eu-central-1.amazonaws.com", "bearer"),
  compatible: own("https://llm.example.com", "bearer"),
}

function preset(upstream: string, auth: ProviderConfig["auth"]): ProviderPreset {
  return { upstream, auth, example: upstream }
}

function own(example: string, auth: ProviderConfig["auth"]): ProviderPreset {
  return { upstream: null, auth, example }
}

/** The kind that is meant: the one that is named, else the one that the id is, else `compatible`. */
export function providerKindOf(id: string, named: string | undefined): ProviderKind {
  if (named === undefined) return isKind(id) ? id : "compatible"
  if (isKind(named)) return named
  throw new AmcError("usage/invalid", `--kind takes one of ${kinds.join(", ")}`)
}

const kinds = Object.keys(providerPresets) as ProviderKind[]

function isKind(text: string): text is ProviderKind {
  return Object.hasOwn(providerPresets, text)
}
