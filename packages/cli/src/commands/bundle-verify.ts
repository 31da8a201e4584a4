import { AmcError, isFault, parseDigestText, parseRoot, rootFingerprint, toHex } from "@amc/core"
import { findWorkspaceDir } from "@amc/studio"
import { exitOf, verifyBundle } from "@amc/verify"
import { type Command, type Context, textOption } from "../command.ts"
import { viewReport } from "../report-view.ts"

export const bundleVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the bundle")
      .option(
        "--root <fingerprint>",
        "the owner's root: sha256:…, or a root.json that you were given",
      )
      .addHelpText(
        "after",
        "\nExample:\n  amc bundle verify my-agent.amcbundle --root sha256:…\n\nNothing is read but the file, and nothing is asked of any network.",
      ),

  async run(context, [file = ""], options) {
    const rootSha256 = await pinnedRoot(context, textOption(options, "root"))
    const verdict = await verifyBundle(await context.readFile(file), { rootSha256 })
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: [`${file}: REJECTED`] }
    const { workspace, agent, run_id, events, report } = verdict.value
    return {
      exit,
      data: verdict.value,
      lines: [
        `${file}: accepted; ${events} events of agent ${agent} in ${workspace}, ${run_id}`,
        "",
        ...viewReport(report, { isColoured: context.isColoured }),
      ],
    }
  },
}

/** The root that the caller trusts: never one that came along with the bundle (K5). */
async function pinnedRoot(context: Context, text: string | undefined): Promise<string> {
  if (text === undefined) return rememberedRoot(context)
  if (text.startsWith("sha256:")) return toHex(parseFingerprint(text))
  return rootFingerprint(parseRoot(await context.readFile(text))).replace("sha256:", "")
}

function parseFingerprint(text: string): Uint8Array {
  try {
    return parseDigestText(text)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw new AmcError(
      "usage/invalid",
      "--root takes sha256: and 64 hexadecimal digits, or a root.json",
      { cause },
    )
  }
}

/** In the folder of a workspace of one's own, its root is the one that is meant. */
function rememberedRoot({ state, cwd }: Context): string {
  const dir = findWorkspaceDir(cwd)
  const known = dir === null ? undefined : state.find(dir)
  if (known !== undefined) return known.root_sha256
  throw new AmcError("usage/invalid", "no root is pinned, so nothing can be trusted", {
    hint: "ask the owner for the root fingerprint ('amc init' printed it) by a way that you trust, and pass it as --root sha256:…",
  })
}
