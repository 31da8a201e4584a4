import { createPublicKey } from "node:crypto"
import { bundleSumsNamespace, type PublicKey, sshPublicKey, vkey } from "@amc/core"
import { readTrustFiles } from "@amc/vault"
import { keysInUse, listKeys } from "./key-list.ts"
import { encodeTrustFile } from "@amc/verify"
import type { Workspace } from "./workspace.ts"

/** The forms in which public keys are handed to others. */
export const exportFormats = ["trust", "pem", "allowed_signers", "vkey"] as const
export type ExportFormat = (typeof exportFormats)[number]

/**
 * The public keys of a workspace for a tool of another make:
 *
 * - `trust`: the root's versions and the revocation list, for `amc bundle verify --root <file>`
 * - `pem`: all keys as SPKI in PEM (RFC 7468), with id, role and state in explanatory text
 * - `allowed_signers`: the release key and those that it replaced, for `ssh-keygen -Y verify` (ssh-keygen(1))
 * - `vkey`: the ledger's key for tools that read signed notes (C2SP signed-note)
 */
export function exportKeys(workspace: Workspace, format: ExportFormat, nowMs: number): string {
  const { dir, keyring, rootSha256, origin } = workspace
  switch (format) {
    case "trust": {
      const { roots, revocations, certificates: keys } = readTrustFiles(dir)
      return encodeTrustFile(workspace.workspace, { rootSha256, roots, revocations, keys })
    }
    case "pem":
      return listKeys(keyring, nowMs)
        .map(({ kid, role, state, key }) => `${role} ${kid} (${state})\n${pemOf(key)}`)
        .join("\n")
    case "allowed_signers":
      return lines(
        // What a key signed before it was replaced goes on counting.
        listKeys(keyring, nowMs)
          .filter(({ role, state }) => role === "release" && goesOn.has(state))
          .map(
            ({ key }) =>
              `${workspace.workspace} namespaces="${bundleSumsNamespace}" ${sshPublicKey(key)}`,
          ),
      )
    case "vkey":
      return lines(keysInUse(keyring, "ledger", nowMs).map((key) => vkey(origin, key)))
  }
}

const goesOn: ReadonlySet<string> = new Set(["in use", "superseded"])

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("")
}

function pemOf({ raw }: PublicKey): string {
  const jwk = { kty: "OKP", crv: "Ed25519", x: Buffer.from(raw).toString("base64url") }
  const key = createPublicKey({ key: jwk, format: "jwk" })
  return key.export({ format: "pem", type: "spki" }).toString()
}
