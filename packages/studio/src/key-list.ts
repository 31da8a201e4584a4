import type { Keyring, KeyRole, PublicKey } from "@amc/core"

/** One key of a workspace, as its root tells of it. */
export interface ListedKey {
  readonly kid: string
  readonly role: KeyRole | "root"
  readonly lanes: readonly string[]
  readonly state: "in use" | "superseded" | "revoked" | "expired" | "not yet valid"
  /** Milliseconds; for a root key the time of the root's first version that names it. */
  readonly from_ms: number
  readonly to_ms: number | null
  readonly key: PublicKey
}

/** All keys that the root ever certified, and the owners' keys of all its versions; newest first in each role. */
export function listKeys(keyring: Keyring, nowMs: number): readonly ListedKey[] {
  const certified = [...keyring.certificates.values()].map(
    ({ key, role, lanes, validFromMs, validToMs }): ListedKey => {
      const revocation = keyring.revocations.revoked.get(key.kid)
      const to_ms = revocation?.from_ms ?? validToMs
      const state = stateOf(revocation?.reason, validFromMs, validToMs, nowMs)
      return { kid: key.kid, role, lanes, state, from_ms: validFromMs, to_ms, key }
    },
  )
  const order: readonly ListedKey["role"][] = ["root", "auditor", "monitor", "ledger", "release"]
  return [...ownersOf(keyring), ...certified].sort(
    (a, b) => order.indexOf(a.role) - order.indexOf(b.role) || b.from_ms - a.from_ms,
  )
}

/** The keys of a role that are in use at a time: one, but for the root. */
export function keysInUse(keyring: Keyring, role: KeyRole, nowMs: number): readonly PublicKey[] {
  return listKeys(keyring, nowMs)
    .filter((each) => each.role === role && each.state === "in use")
    .map(({ key }) => key)
}

function stateOf(
  reason: "superseded" | "compromised" | undefined,
  fromMs: number,
  toMs: number | null,
  nowMs: number,
): ListedKey["state"] {
  if (reason === "compromised") return "revoked"
  if (reason === "superseded") return "superseded"
  if (nowMs < fromMs) return "not yet valid"
  return toMs !== null && toMs < nowMs ? "expired" : "in use"
}

function ownersOf({ roots }: Keyring): readonly ListedKey[] {
  const current = new Set(roots.current.keys.map(({ kid }) => kid))
  const seen = new Map<string, ListedKey>()
  for (const version of roots.versions)
    for (const key of version.keys) {
      const state = current.has(key.kid) ? "in use" : "superseded"
      const first = seen.get(key.kid)?.from_ms ?? version.createdMs
      const listed = { kid: key.kid, role: "root", lanes: [], state, from_ms: first, key } as const
      seen.set(key.kid, { ...listed, to_ms: null })
    }
  return [...seen.values()]
}
