import { lstatSync } from "node:fs"
import { vaultPathOf } from "@amc/vault"
import { vaultStatus } from "../vault-status.ts"
import type { Workspace } from "../workspace.ts"
import { type Diagnosis, fail, ok, warn } from "./diagnosis.ts"

/** Whether nobody else can read or write what belongs to this user alone. */
export function permissions(workspace: Workspace): readonly Diagnosis[] {
  const { dir, state, workspace: name } = workspace
  const slots = (["auditor", "monitor", "root"] as const).map((slot) =>
    state.passphrasePath(name, slot),
  )
  const loose = [dir, vaultPathOf(dir), state.dir, ...slots].flatMap((path) => looseness(path))
  if (loose.length > 0) return loose
  return [ok("permissions", "workspace, vault, state folder and passphrases are this user's alone")]
}

function looseness(path: string): readonly Diagnosis[] {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return []
  const id = "permissions"
  const uid = process.getuid?.()
  if (uid !== undefined && stats.uid !== uid)
    return [fail(id, `${path} belongs to another user`, `chown ${uid} ${quoted(path)}`)]
  if (stats.isSymbolicLink())
    return [fail(id, `${path} is a symbolic link`, `ls -l ${quoted(path)}`)]
  if ((stats.mode & 0o077) === 0) return []
  const mode = stats.isDirectory() ? "700" : "600"
  const detail = `${path} has mode ${(stats.mode & 0o777).toString(8)}`
  return [fail(id, detail, `chmod ${mode} ${quoted(path)}`)]
}

/** Whether the vault is there, whole, and can be opened without asking. */
export async function vault(workspace: Workspace): Promise<readonly Diagnosis[]> {
  const { generation, unlocked_until_ms: until, slots } = await vaultStatus(workspace)
  const locked = slots.filter(
    ({ slot, unlocked, passphrase_file }) => slot !== "root" && !unlocked && !passphrase_file,
  )
  const detail = `generation ${generation}${until === null ? "" : ", unlocked"}`
  const wrong = slots.filter(({ failed_attempts }) => failed_attempts > 0)
  const tries = wrong.map(({ slot, failed_attempts }) =>
    warn("vault", `${failed_attempts} wrong passphrases for ${slot}`, "amc vault status"),
  )
  if (locked.length === 0) return [ok("vault", detail), ...tries]
  const names = locked.map(({ slot }) => slot).join(" and ")
  return [warn("vault", `${detail}, locked for ${names}`, "amc vault unlock"), ...tries]
}

function quoted(path: string): string {
  return /^[\w./-]+$/u.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
