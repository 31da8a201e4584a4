import { AmcError, isFault, parseDigestText, toHex } from "@amc/core"
import { findWorkspaceDir, type GivenTrust, readTrustFile } from "@amc/studio"
import type { Context } from "./command.ts"

/**
 * The root that the caller trusts: never one that came along with what is verified (K5). Null if none was
 * given and this is no workspace of one's own.
 *
 * @throws {@link AmcError} `usage/invalid`, `input/malformed`, `input/unreadable`
 */
export async function givenTrust(
  context: Context,
  text: string | undefined,
  option = "root",
): Promise<GivenTrust | null> {
  if (text === undefined) return ownTrust(context)
  if (text.startsWith("sha256:")) return { rootSha256: toHex(parseFingerprint(text, option)) }
  if (/^[0-9a-f]{64}$/iu.test(text)) return { rootSha256: text.toLowerCase() }
  return readTrustFile(await context.readFile(text))
}

function parseFingerprint(text: string, option: string): Uint8Array {
  try {
    return parseDigestText(text)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw new AmcError(
      "usage/invalid",
      `--${option} takes sha256: and 64 hexadecimal digits, or a trust file`,
      { cause },
    )
  }
}

/** In the folder of a workspace of one's own, its root is the one that is meant. */
function ownTrust({ state, cwd }: Context): GivenTrust | null {
  const dir = findWorkspaceDir(cwd)
  const known = dir === null ? undefined : state.find(dir)
  return known === undefined ? null : { rootSha256: known.root_sha256 }
}
