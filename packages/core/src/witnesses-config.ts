import { z } from "zod"
import { isFault } from "./errors.ts"
import { parseCosignerVkey } from "./vkey.ts"

const submissionUrl = z
  .string()
  .max(2048)
  .regex(
    /^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[A-Za-z0-9._~-]+)*$/,
    "an address such as https://witness.example/w1",
  )
  .refine((text) => URL.canParse(text), "no such host can be")

const cosignerKey = z.string().max(1024).refine(isCosignerVkey, "not a witness's verifier key")

/** `witnesses.yaml`: who is asked to cosign this ledger's checkpoints, and how many the owner wants. */
export const witnessesConfigSchema: z.ZodType<WitnessesConfig> = z
  .strictObject({
    v: z.literal(1),
    quorum: z.int().min(1).max(32),
    witnesses: z
      .array(z.strictObject({ url: submissionUrl, vkey: cosignerKey }))
      .min(1)
      .max(32)
      .refine(
        (witnesses) => new Set(witnesses.map(({ vkey }) => vkey)).size === witnesses.length,
        "a witness is named twice",
      ),
  })
  .refine(
    ({ quorum, witnesses }) => quorum <= witnesses.length,
    "the quorum is more than there are",
  )

export interface WitnessesConfig {
  readonly v: 1
  /** Fewer than this many cosignatures are told as a warning; what verifiers ask for is their own policy's. */
  readonly quorum: number
  readonly witnesses: readonly {
    /** The submission prefix of C2SP tlog-witness. */
    readonly url: string
    readonly vkey: string
  }[]
}

function isCosignerVkey(text: string): boolean {
  try {
    parseCosignerVkey(text)
    return true
  } catch (error) {
    if (isFault(error)) return false
    throw error
  }
}
