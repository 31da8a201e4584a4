import type { Finding, KeyFlaw, Keyring, KeyRole, SigningPlace } from "@amc/core"

/** Whose signature is judged, in which role and place, and how findings call what they signed. */
export interface KeyUse {
  readonly role: KeyRole
  /** Ids of the keys whose signatures verified. */
  readonly signedBy: ReadonlySet<string>
  readonly place: SigningPlace
  /** Whether it was signed at that place or at an unknown later one. */
  readonly orLater?: boolean
  readonly subject: string
}

/**
 * Why none of these signatures counts, although they verify: the keys were certified for another place or
 * time, replaced, or stolen. One good key is enough.
 */
export function keyFindings(
  keyring: Keyring,
  { role, signedBy, place, subject, orLater = false }: KeyUse,
): readonly Finding[] {
  const flaws = [...signedBy].map((kid) => ({
    kid,
    flaw: orLater ? keyring.flawFrom(role, kid, place) : keyring.flawOf(role, kid, place),
  }))
  const [first] = flaws
  if (first?.flaw === undefined || flaws.some(({ flaw }) => flaw === null)) return []
  return first.flaw === null ? [] : [{ ...describeFlaw(first.kid, first.flaw), subject }]
}

/** What a finding says of a key whose signature does not count. */
export function describeFlaw(kid: string, flaw: KeyFlaw): Omit<Finding, "subject"> {
  const { code, why } = flaws[flaw]
  return { code, detail: `key ${kid} ${why}`, tampered: false }
}

const outOfPlace = "trust/key-out-of-place"

const flaws: Readonly<Record<KeyFlaw, { code: Finding["code"]; why: string }>> = {
  uncertified: { code: outOfPlace, why: "was not certified by the root" },
  "another-role": { code: outOfPlace, why: "was certified for another role" },
  "another-lane": { code: outOfPlace, why: "was not certified for this lane" },
  "outside-window": { code: outOfPlace, why: "was not certified there and then" },
  superseded: { code: "trust/key-superseded", why: "had been replaced before it signed this" },
  compromised: {
    code: "trust/key-compromised",
    why: "was revoked as stolen, and nothing from before that time shows that this was signed earlier",
  },
}
