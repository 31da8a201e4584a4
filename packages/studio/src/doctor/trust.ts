import { type Keyring, type KeyRole, keyRoles } from "@amc/core"
import { keysInUse, listKeys } from "../key-list.ts"
import type { Workspace } from "../workspace.ts"
import { type Diagnosis, fail, ok, warn } from "./diagnosis.ts"

const dayMs = 86_400_000
const soonMs = 45 * dayMs

/** The root, the revocation list and one key in use for each role. */
export function trust({ keyring }: Workspace, nowMs: number): readonly Diagnosis[] {
  const { current } = keyring.roots
  return [
    expiry(
      "root",
      `version ${current.version}, ${current.threshold} of ${current.keys.length} owners sign`,
      current.expiresMs - nowMs,
      "amc keys rotate --role root",
    ),
    expiry(
      "revocations",
      `version ${keyring.revocations.version}`,
      keyring.revocations.expiresMs - nowMs,
      "amc keys revoke --renew",
    ),
    ...keyRoles.map((role) => keysOf(keyring, role, nowMs)),
  ]
}

function expiry(id: string, what: string, leftMs: number, next: string): Diagnosis {
  const days = Math.floor(leftMs / dayMs)
  if (leftMs < 0) return fail(id, `${what}, expired ${-days - 1} days ago`, next)
  const detail = `${what}, counts for ${days} more days`
  return leftMs < soonMs ? warn(id, detail, next) : ok(id, detail)
}

function keysOf(keyring: Keyring, role: KeyRole, nowMs: number): Diagnosis {
  const [id, next] = [`key ${role}`, `amc keys rotate --role ${role}`]
  const count = keysInUse(keyring, role, nowMs).length
  if (count === 1) return ok(id, "one key in use")
  if (count === 0 && isEarly(keyring, role, nowMs))
    return fail(id, "its key counts from a time that this clock has not reached", "set the clock")
  if (count === 0) return fail(id, "no key in use", next)
  return warn(id, `${count} keys are certified, as after a change that was cut short`, next)
}

function isEarly(keyring: Keyring, role: KeyRole, nowMs: number): boolean {
  return listKeys(keyring, nowMs).some(
    (each) => each.role === role && each.state === "not yet valid",
  )
}
