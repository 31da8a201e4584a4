import { z } from "zod"

const fingerprint = z.string().regex(/^sha256:[0-9a-f]{64}$/, "a root such as sha256:0123…")

/** `gatePolicy.json`: what a release must show (B2), and whose bundles are looked at. */
export const gatePolicySchema: z.ZodType<GatePolicy> = z.strictObject({
  v: z.literal(1),
  producerRoots: z
    .array(fingerprint)
    .min(1)
    .max(64)
    .refine((roots) => new Set(roots).size === roots.length, "a root is named twice"),
  requireObservedForLevel5: z.boolean(),
  denyIfLowTrust: z.boolean(),
})

export interface GatePolicy {
  readonly v: 1
  /** Fingerprints of the first roots that a bundle may come from. */
  readonly producerRoots: readonly string[]
  readonly requireObservedForLevel5: boolean
  readonly denyIfLowTrust: boolean
}
