import { join } from "node:path"

/** Where the public half of a workspace's trust lies. */
export interface TrustPaths {
  readonly root: string
  readonly keys: string
}

/** `trust/root.json` and the folder of key certificates of a workspace folder. */
export function trustPaths(dir: string): TrustPaths {
  return { root: join(dir, "trust", "root.json"), keys: join(dir, "trust", "keys") }
}

/** The vault file of a workspace folder. */
export function vaultPathOf(dir: string): string {
  return join(dir, "vault.amcvault")
}
