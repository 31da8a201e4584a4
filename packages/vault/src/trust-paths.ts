import { join } from "node:path"

/** Where the public half of a workspace's trust lies. */
export interface TrustPaths {
  /** The folder of the root's versions, `1.json`, `2.json` and so on. */
  readonly roots: string
  /** The folder of key certificates, `<kid>.json`. */
  readonly keys: string
  readonly revocations: string
}

/** The public half of the trust of a workspace folder. */
export function trustPaths(dir: string): TrustPaths {
  const trust = join(dir, "trust")
  return {
    roots: join(trust, "roots"),
    keys: join(trust, "keys"),
    revocations: join(trust, "revocations.json"),
  }
}

/** The file of one version of the root. */
export function rootPath(dir: string, version: number): string {
  return join(trustPaths(dir).roots, `${version}.json`)
}

/** The certificate of a key. */
export function certificatePath(dir: string, kid: string): string {
  return join(trustPaths(dir).keys, `${kid}.json`)
}

/** The vault file of a workspace folder. */
export function vaultPathOf(dir: string): string {
  return join(dir, "vault.amcvault")
}
