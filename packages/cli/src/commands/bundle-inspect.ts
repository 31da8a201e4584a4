import { readArchive } from "@amc/bundle"
import {
  type BundleManifest,
  bundleManifestPath,
  isFault,
  parseBundleManifest,
  sha256Hex,
} from "@amc/core"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const bundleInspect: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the bundle")
      .addHelpText(
        "after",
        "\nExample:\n  amc bundle inspect my-agent.amcbundle\n\nShows what a bundle says of itself and what files it holds. None of it is verified.",
      ),

  async run(context, [file = ""]) {
    const archive = await readArchive(await context.readFile(file))
    const files = [...archive].map(([path, bytes]) => ({
      path,
      size: bytes.length,
      sha256: sha256Hex(bytes),
    }))
    const claims = claimsOf(archive.get(bundleManifestPath))
    return {
      exit: Exit.accepted,
      data: { claims, files, verified: false },
      lines: [
        ...claimLines(claims),
        ...files.map(({ path, size, sha256 }) =>
          printable(`${sha256}  ${String(size).padStart(9)}  ${path}`),
        ),
        "nothing of this was verified: see 'amc bundle verify'",
      ],
    }
  },
}

type Claims = Omit<BundleManifest, "files">

/** What the manifest says, whoever wrote it; null if it can't be read. */
function claimsOf(manifest: Uint8Array | undefined): Claims | null {
  try {
    const { files: _, ...claims } = parseBundleManifest(manifest ?? new Uint8Array())
    return claims
  } catch (error) {
    if (isFault(error)) return null
    throw error
  }
}

function claimLines(claims: Claims | null): string[] {
  if (claims === null) return ["says of itself: nothing that can be read"]
  const { workspace, origin, agent, run_id, withheld } = claims
  return [
    `says of itself: ${run_id} of agent ${agent} in ${workspace}, ledger ${origin}`,
    `withholds: ${withheld.length === 0 ? "nothing" : withheld.join(", ")}`,
  ].map(printable)
}
