import { AmcError, isFault, parseDigestText, toHex } from "@amc/core"
import { findWorkspaceDir, readTrustFile, type TrustFile, verifyBundleHere } from "@amc/studio"
import { exitOf } from "@amc/verify"
import { type Command, type Context, textOption } from "../command.ts"
import { viewReport } from "../report-view.ts"
import { timeOption } from "../time-option.ts"

export const bundleVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the bundle")
      .option(
        "--root <fingerprint>",
        "the owner's root: sha256:…, or the trust file that the owner gave you",
      )
      .option("--at <time>", "judge what expires at this time, such as 2026-11-23")
      .addHelpText(
        "after",
        `
Examples:
  amc bundle verify my-agent.amcbundle --root sha256:…
  amc bundle verify my-agent.amcbundle --root acme.trust.json

Nothing is read but the files that are named and what this machine remembers of the root from earlier
bundles; nothing is asked of any network. A root that was accepted once need not be given again.

Exit codes: 0 genuine (whether it is good enough is another question: read the report), 1 not accepted,
3 could not look, 4 tampered with.`,
      ),

  async run(context, [file = ""], options) {
    const now = context.clock()
    const verdict = await verifyBundleHere(await context.readFile(file), {
      state: context.state,
      trust: await givenTrust(context, textOption(options, "root")),
      nowMs: now,
      atMs: timeOption(textOption(options, "at"), "at") ?? now,
      warn: (text) => context.err(`amc: warning: ${text}`),
    })
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

type Given = TrustFile | { readonly rootSha256: string }

/** The root that the caller trusts: never one that came along with the bundle (K5). */
async function givenTrust(context: Context, text: string | undefined): Promise<Given | null> {
  if (text === undefined) return ownTrust(context)
  if (text.startsWith("sha256:")) return { rootSha256: toHex(parseFingerprint(text)) }
  if (/^[0-9a-f]{64}$/iu.test(text)) return { rootSha256: text.toLowerCase() }
  return readTrustFile(await context.readFile(text))
}

function parseFingerprint(text: string): Uint8Array {
  try {
    return parseDigestText(text)
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw new AmcError(
      "usage/invalid",
      "--root takes sha256: and 64 hexadecimal digits, or a trust file",
      { cause },
    )
  }
}

/** In the folder of a workspace of one's own, its root is the one that is meant. */
function ownTrust({ state, cwd }: Context): Given | null {
  const dir = findWorkspaceDir(cwd)
  const known = dir === null ? undefined : state.find(dir)
  return known === undefined ? null : { rootSha256: known.root_sha256 }
}
