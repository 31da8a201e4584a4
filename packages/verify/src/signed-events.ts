import { evidencePath } from "@amc/bundle"
import {
  type EquationCheck,
  eventPayloadType,
  isFault,
  type Keyring,
  type Leaf,
  pae,
  parseEntries,
  parseLeaf,
  type PublicKey,
  systemAgent,
} from "@amc/core"
import type { BundleFiles } from "./bundle-files.ts"

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

/** The events of a bundle that name a key of the root's monitors. Nothing else of them has been checked. */
export function* signedEvents(
  { contents, manifest, get }: BundleFiles,
  keyring: Keyring,
): Generator<SignedMessage> {
  const monitors = keyring.keys("monitor")
  for (const lane of contents.lanes)
    for (const agent of [systemAgent, manifest.agent])
      for (const bytes of attempt(() => parseEntries(get(evidencePath(lane, agent)))) ?? []) {
        const leaf = attempt((): Leaf => parseLeaf(bytes))
        const key = leaf && monitors.get(leaf.kid)
        if (leaf === undefined || key === undefined) continue
        yield { key, message: pae(eventPayloadType, leaf.body), signature: leaf.signature }
      }
}

/** What can't be read is found, and told of, when the evidence is checked. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (isFault(error)) return undefined
    throw error
  }
}
