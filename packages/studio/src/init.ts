import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { dirname, join } from "node:path"
import { AmcError, gatewayConfigSchema, workspaceConfigSchema } from "@amc/core"
import {
  createTrust,
  generatePassphrase,
  type KdfCost,
  loadKeyring,
  type RootKeyFile,
  type SlotName,
  vaultPathOf,
  writePassphraseFile,
} from "@amc/vault"
import { gatewayConfigPath } from "./gateway-config.ts"
import { newWorkspaceId } from "./ids.ts"
import { claimInit } from "./init-claim.ts"
import { withNotary } from "./notary-session.ts"
import { passphraseFileOf } from "./root-signers.ts"
import { writeConfig } from "./signed-config.ts"
import { makePrivateFolder, type StateHome } from "./state-home.ts"
import { openWorkspace, type Workspace, workspaceConfigPath, workspaceDir } from "./workspace.ts"

const slots: readonly SlotName[] = ["monitor", "auditor", "root"]
const lane = "main"

/** Providers that a new workspace routes to; a key is added with `amc provider add`. */
const firstProviders = `v: 1
providers:
  - id: openai
    kind: openai
    upstream: https://api.openai.com
`

export interface InitTerms {
  readonly folder: string
  readonly state: StateHome
  readonly clock: () => number
  /** What a guess at a passphrase costs; the vault's default if left out. */
  readonly cost?: KdfCost
  /** Files to keep the owners' keys in; without any, one key lies in the vault's root slot. */
  readonly rootKeyFiles?: readonly string[]
  /** How many owners have to sign; 1 if left out. */
  readonly threshold?: number
}

/**
 * Makes a workspace: vault, root 1, key certificates, signed config, and a generated passphrase per
 * vault slot under the state folder. Remembers the root's fingerprint for this place.
 *
 * Slots whose passphrases lie on one disk separate nothing from whoever reads that disk.
 *
 * @throws {@link AmcError} `workspace/exists`, `workspace/unwritable`
 */
export async function initWorkspace(terms: InitTerms): Promise<Workspace> {
  const dir = workspaceDir(terms.folder)
  mkdirSync(dirname(dir), { recursive: true })
  const release = claimInit(dir, terms.state)
  try {
    return await makeWorkspace(dir, terms)
  } finally {
    release()
  }
}

async function makeWorkspace(dir: string, terms: InitTerms): Promise<Workspace> {
  const { folder, state, clock, cost, rootKeyFiles = [], threshold = 1 } = terms
  if (existsSync(vaultPathOf(dir)))
    throw new AmcError("workspace/exists", `${dir} is there already`)
  for (const file of rootKeyFiles)
    if (existsSync(file)) throw new AmcError("vault/exists", `${file} is there already`)
  const workspace = newWorkspaceId()
  const before = existsSync(dir) ? readdirSync(dir) : null
  makePrivateFolder(dir)
  const passphrases = keepPassphrases(state, workspace, rootKeyFiles.length === 0)
  const owners = keepOwnersPassphrases(rootKeyFiles)
  try {
    const { root } = await createTrust({
      dir,
      workspace,
      lane,
      clock,
      passphrases,
      rootKeyFiles: owners,
      threshold,
      ...(cost === undefined ? {} : { cost }),
    })
    const place = { dir, workspace, keyring: loadKeyring(dir, root) }
    await withNotary({ dir, workspace, state }, async (notary) => {
      await writeConfig(place, gatewayConfigPath, firstProviders, gatewayConfigSchema, notary)
      await writeConfig(
        place,
        workspaceConfigPath,
        `v: 1\nworkspace: ${workspace}\nlane: ${lane}\n`,
        workspaceConfigSchema,
        notary,
      )
    })
    state.remember({ path: dir, workspace, root_sha256: root.replace("sha256:", "") })
    return openWorkspace(folder, state, clock())
  } catch (error) {
    removeMade(dir, before)
    for (const file of rootKeyFiles)
      for (const made of [file, passphraseFileOf(file)]) rmSync(made, { force: true })
    rmSync(state.folderOf(workspace), { recursive: true, force: true })
    throw error
  } finally {
    for (const passphrase of Object.values(passphrases)) passphrase.fill(0)
    for (const { passphrase } of owners) passphrase.fill(0)
  }
}

/** Half a workspace would be in the way of the next attempt; what was there before stays. */
function removeMade(dir: string, before: readonly string[] | null): void {
  if (before === null) return rmSync(dir, { recursive: true, force: true })
  for (const name of readdirSync(dir))
    if (!before.includes(name)) rmSync(join(dir, name), { recursive: true, force: true })
}

/** What the command line names is the owner's to keep; the rest is generated and kept in the state folder. */
function keepPassphrases(
  state: StateHome,
  workspace: string,
  withRoot: boolean,
): Record<SlotName, Uint8Array> {
  state.folderOf(workspace)
  const passphraseOf = (slot: SlotName): Uint8Array => {
    if (slot === "root" && !withRoot) return new Uint8Array()
    const given = state.passphrases.given(slot)
    return given ?? generate(state.passphrasePath(workspace, slot))
  }
  return Object.fromEntries(slots.map((slot) => [slot, passphraseOf(slot)])) as Record<
    SlotName,
    Uint8Array
  >
}

function keepOwnersPassphrases(files: readonly string[]): readonly RootKeyFile[] {
  return files.map((path) => ({ path, passphrase: generate(passphraseFileOf(path)) }))
}

function generate(path: string): Uint8Array {
  const passphrase = generatePassphrase()
  writePassphraseFile(path, passphrase)
  return passphrase
}
