import { z } from "zod"
import {
  type EgressConfig,
  egressConfigSchema,
  type EgressNarrowing,
  egressNarrowingSchema,
} from "./egress-config.ts"
import { agentId, label } from "./fact-field.ts"
import { type GatewayClocks, gatewayClocksSchema } from "./gateway-clocks.ts"
import {
  type ModelPrice,
  modelPriceSchema,
  type WirePolicy,
  wirePolicySchema,
} from "./wire-policy.ts"

/** `amc.config.yaml`: what this workspace is and what its owner declares of it (T4). */
export const workspaceConfigSchema: z.ZodType<WorkspaceConfig> = z.strictObject({
  v: z.literal(1),
  workspace: label,
  lane: agentId,
  security: z
    .strictObject({ trustBoundaryMode: z.enum(["isolated", "shared"]).optional() })
    .optional(),
})

export interface WorkspaceConfig {
  readonly v: 1
  readonly workspace: string
  readonly lane: string
  readonly security?: { readonly trustBoundaryMode?: "isolated" | "shared" | undefined } | undefined
}

/** What is known of a provider: which SDKs of an agent are pointed to it. */
export const providerKinds = [
  "openai",
  "anthropic",
  "gemini",
  "ollama",
  "azure",
  "bedrock",
  "compatible",
] as const
export type ProviderKind = (typeof providerKinds)[number]

const upstreamUrl = z
  .string()
  .regex(/^https?:\/\/[A-Za-z0-9.:[\]-]+$/, "an origin such as https://api.example.com")
  .refine((text) => URL.canParse(text), "no such host can be")

/** `gateway.yaml`: the providers that the gateway forwards to, by the first segment of the path, and where else agents may connect to. */
export const gatewayConfigSchema: z.ZodType<GatewayConfig> = z.strictObject({
  v: z.literal(1),
  providers: z
    .array(
      z.strictObject({
        id: agentId,
        kind: z.enum(providerKinds).default("compatible"),
        upstream: upstreamUrl,
        base_path: z
          .string()
          .regex(/^(\/[A-Za-z0-9._~-]+)*$/)
          .default(""),
        socket: z.string().max(4096).nullable().default(null),
        auth: z.enum(["bearer", "x-api-key", "x-goog-api-key", "api-key"]).default("bearer"),
      }),
    )
    .max(32)
    .refine(
      (providers) => new Set(providers.map(({ id }) => id)).size === providers.length,
      "a provider is named twice",
    ),
  egress: egressConfigSchema.optional(),
  clocks: gatewayClocksSchema.optional(),
  policy: wirePolicySchema.optional(),
  prices: z.array(modelPriceSchema).max(1024).optional(),
})

export interface ProviderConfig {
  readonly id: string
  readonly kind: ProviderKind
  readonly upstream: string
  readonly base_path: string
  /** A unix socket to dial instead of the origin's host, absolute or relative to the workspace. */
  readonly socket: string | null
  readonly auth: "bearer" | "x-api-key" | "x-goog-api-key" | "api-key"
}

export interface GatewayConfig {
  readonly v: 1
  readonly providers: readonly ProviderConfig[]
  readonly egress?: EgressConfig | undefined
  readonly clocks?: GatewayClocks | undefined
  /** Holds for every agent; an agent's own config and a lease can only narrow it. */
  readonly policy?: WirePolicy | undefined
  readonly prices?: readonly ModelPrice[] | undefined
}

/** `agents/<id>/agent.config.yaml`: the limits of one agent's sessions. */
export const agentConfigSchema: z.ZodType<AgentConfig> = z.strictObject({
  v: z.literal(1),
  agent: agentId,
  limits: z.strictObject({
    max_calls: z.int().min(1).max(100_000),
    max_seconds: z.int().min(1).max(86_400),
    memory_mib: z.int().min(64).max(1_048_576),
    pids: z.int().min(8).max(100_000),
  }),
  gateway: wirePolicySchema.optional(),
  egress: egressNarrowingSchema.optional(),
})

export interface AgentConfig {
  readonly v: 1
  readonly agent: string
  readonly limits: {
    readonly max_calls: number
    readonly max_seconds: number
    readonly memory_mib: number
    readonly pids: number
  }
  /** What this agent may ask of its providers. */
  readonly gateway?: WirePolicy | undefined
  /** Where it may connect to, of what `gateway.yaml` allows. */
  readonly egress?: EgressNarrowing | undefined
}
