import { z } from "zod"
import { agentId, label } from "./fact-field.ts"
import { parseStrictJson } from "./strict-json.ts"
import { parseWitnessPolicy } from "./witness-policy.ts"
import { parseYaml } from "./yaml.ts"
import { utf8 } from "./bytes.ts"

const fingerprint = z.string().regex(/^sha256:[0-9a-f]{64}$/, "a root such as sha256:0123…")
const level = z.int().min(0).max(5)
const levels = z
  .record(label, level)
  .refine((record) => Object.keys(record).length <= 256, "more than 256 levels")
const distinct = (names: readonly string[]): boolean => new Set(names).size === names.length

/** A gate's policy: what a release must show (B2), and whose bundles are looked at (spec/policy.md). */
export const gatePolicySchema: z.ZodType<GatePolicy> = z.strictObject({
  v: z.literal(1),
  id: agentId,
  producerRoots: z.array(fingerprint).min(1).max(64).refine(distinct, "a root is named twice"),
  agents: z.array(agentId).min(1).max(256).refine(distinct, "an agent is named twice").optional(),
  requireObservedForLevel5: z.boolean(),
  denyIfLowTrust: z.boolean(),
  minOverall: level.optional(),
  minLayers: levels.optional(),
  minQuestions: levels.optional(),
  minIntegrityIndex: z.int().min(0).max(100).optional(),
  minTrustLabel: z.enum(["LOW TRUST", "HIGH TRUST"]).optional(),
  requirePosture: z.enum(["declared", "measured"]).optional(),
  maxAgeDays: z.int().min(1).max(3650).optional(),
  witnessPolicy: z
    .string()
    .max(65_536)
    .refine(isQuorumPolicy, "not a C2SP tlog-policy with a quorum of witnesses")
    .optional(),
  denyVetoes: z.boolean().optional(),
  maxDrop: level.optional(),
  consecutiveRuns: z.literal([1, 2]).optional(),
  allowLoopbackUpstreams: z.boolean().optional(),
})

/** A rule that is left out asks for nothing, but for what no policy can allow (spec/policy.md, rule 6). */
export interface GatePolicy {
  readonly v: 1
  /** By which a gate asks for it: policies of one root may have files of one name. */
  readonly id: string
  /** Fingerprints of the first roots that a bundle may come from. */
  readonly producerRoots: readonly string[]
  /** The agents that a bundle may be about; any, if left out. */
  readonly agents?: readonly string[] | undefined
  readonly requireObservedForLevel5: boolean
  /** The same as `minTrustLabel: HIGH TRUST`. */
  readonly denyIfLowTrust: boolean
  readonly minOverall?: number | undefined
  readonly minLayers?: Readonly<Record<string, number>> | undefined
  readonly minQuestions?: Readonly<Record<string, number>> | undefined
  readonly minIntegrityIndex?: number | undefined
  readonly minTrustLabel?: "LOW TRUST" | "HIGH TRUST" | undefined
  readonly requirePosture?: "declared" | "measured" | undefined
  /** Since the run was opened. */
  readonly maxAgeDays?: number | undefined
  /** The text of a C2SP tlog-policy: the consumer's own witnesses, whose quorum must have cosigned. */
  readonly witnessPolicy?: string | undefined
  /** Refuses a report in which anything holds a question down: a breach, a broken file, a forged trace. */
  readonly denyVetoes?: boolean | undefined
  /** By how many levels anything may have dropped since the previous bundle. */
  readonly maxDrop?: number | undefined
  /** With 2, the run before this one has to pass as well. */
  readonly consecutiveRuns?: 1 | 2 | undefined
  /** Answers of a model on the producer's own machine count only where this is said. */
  readonly allowLoopbackUpstreams?: boolean | undefined
}

/**
 * Reads a gate's policy from the bytes that its signature was checked on: JSON where the name ends in
 * `.json`, else YAML.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`
 */
export function parseGatePolicy(bytes: Uint8Array, name: string): GatePolicy {
  const parse = name.endsWith(".json") ? parseStrictJson : parseYaml
  return parse(bytes, gatePolicySchema, name)
}

function isQuorumPolicy(text: string): boolean {
  try {
    return parseWitnessPolicy(utf8(text)).quorum !== null
  } catch {
    return false
  }
}
