import type { Signer, Verdict } from "@amc/core"
import { revokeCertificate } from "@amc/vault"
import {
  type VerifiedCertificate,
  verifyCertificate,
  type GivenTrust,
  mergedTrust,
} from "@amc/verify"
import { onlyRoot } from "../remembered-root.ts"
import { withIdleLane } from "../key-rotation.ts"
import type { StateHome } from "../state-home.ts"
import { recallTrust, rememberVerified } from "../verifier-memory.ts"
import { reopenTrust, type Workspace } from "../workspace.ts"

export interface CertificateHereTerms {
  readonly state: StateHome
  /**
   * The issuer's root, given out of band; null is refused. A root that is remembered for its bundles says nothing of who
   * may issue: a producer would certify itself.
   */
  readonly trust: GivenTrust | null
  readonly atMs: number
  readonly bundle?: Uint8Array | undefined
  /** Told what could not be remembered. */
  readonly warn: (text: string) => void
}

/**
 * Verifies a certificate by the root that was given and what this machine remembers of it, also of what
 * the issuer took back.
 *
 * @throws {@link AmcError} `usage/invalid` if there is no root to trust
 */
export function verifyCertificateHere(
  bytes: Uint8Array,
  terms: CertificateHereTerms,
): Verdict<VerifiedCertificate> {
  const { state, atMs, bundle } = terms
  const trust: GivenTrust = terms.trust ?? { rootSha256: onlyRoot([]) }
  const { rootSha256 } = trust
  const known = mergedTrust(trust, recallTrust(state, rootSha256))
  // A newer list of what was taken back is remembered whatever becomes of the certificate.
  if (known !== undefined && "roots" in trust) rememberVerified(known, [], rootSha256, terms)
  const verdict = verifyCertificate(bytes, { rootSha256, known, atMs, bundle })
  if (verdict.accepted) rememberVerified(verdict.value.trust, [], rootSha256, terms)
  return verdict
}

/**
 * Takes a certificate back, in the list that the owners sign and hand out.
 *
 * @throws {@link AmcError} `root/threshold`, `key/too-many`, `ledger/lane-taken`, `workspace/unwritable`
 */
export async function revokeCertificateOf(
  workspace: Workspace,
  sha256: string,
  { owners, clock }: { readonly owners: readonly Signer[]; readonly clock: () => number },
): Promise<void> {
  await withIdleLane(workspace, async () => {
    const { dir, keyring } = reopenTrust(workspace)
    revokeCertificate({ dir, keyring, owners, nowMs: clock() }, sha256)
    reopenTrust(workspace)
  })
}
