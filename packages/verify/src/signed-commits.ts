import {
  type EquationCheck,
  hashLeaf,
  type Keyring,
  type PublicKey,
  systemAgent,
  text,
} from "@amc/core"
import { attempt } from "./attempt.ts"
import { sliceOf } from "./bundle-evidence.ts"
import type { BundleFiles } from "./bundle-files.ts"
import { kidNamedIn, messageOf, readSignature } from "./commit-check.ts"

/** What somebody is said to have signed. */
export interface SignedMessage {
  readonly key: PublicKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/**
 * Looks at signatures before they are asked for, for who can verify them only later or elsewhere. Gives who decides
 * then; that is believed, so it must not say yes of anything else than what it found good.
 */
export type EquationsAhead = (signed: Iterable<SignedMessage>) => Promise<EquationCheck>

/** The commits of a bundle's events, by the keys of the root's monitors that they name. Nothing else of them has been checked. */
export function* signedCommits(files: BundleFiles, keyring: Keyring): Generator<SignedMessage> {
  const monitors = keyring.keys("monitor")
  for (const lane of files.contents.lanes)
    for (const agent of [systemAgent, files.manifest.agent]) {
      let last = ""
      // What can't be read is found, and told of, when the evidence is checked.
      for (const signed of attempt(() => sliceOf(files, lane, agent)) ?? []) {
        const proof = readSignature(signed.signature)
        const message = proof && messageOf(hashLeaf(signed.leaf), proof)
        if (proof === undefined || message === undefined) continue
        const { signature } = proof
        const name = `${text(message)} ${String(signature)}`
        if (name === last) continue
        last = name
        const key = monitors.get(kidNamedIn(signed.leaf) ?? "")
        if (key !== undefined) yield { key, message, signature }
      }
    }
}
