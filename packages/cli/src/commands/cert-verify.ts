import { resolve } from "node:path"
import { isFault, parseCertificateFile, utf8 } from "@amc/core"
import { type Badge, badgeSvg } from "@amc/report"
import { verifyCertificateHere, writeBundle } from "@amc/studio"
import { exitOf } from "@amc/verify"
import { certificateLines } from "../certificate-view.ts"
import { type Command, textOption } from "../command.ts"
import { requireNewFile } from "../output-file.ts"
import { givenTrust } from "../root-option.ts"
import { timeOption } from "../time-option.ts"

export const certVerify: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the certificate")
      .option(
        "--root <fingerprint>",
        "the issuer's root, each time: sha256:…, or the trust file that they gave you",
      )
      .option("--bundle <file>", "the bundle that it is to be about")
      .option(
        "--at <time>",
        "judge validity at this time, such as 2026-11-23 (its first moment, UTC); a revocation counts at any time",
      )
      .option(
        "--badge <file>",
        "write a status badge (SVG) of what came of it; an existing file stays",
      )
      .addHelpText(
        "after",
        `
Examples:
  amc cert verify my-agent.amccert --root sha256:…
  amc cert verify my-agent.amccert --root acme.trust.json --bundle my-agent.amcbundle

Nothing is asked of any network. What its issuer took back since is known from the newest trust file or bundle of
theirs that this machine has seen.

Exit codes: 0 genuine and valid, 1 not accepted, 2 the command line is wrong or has no root, 3 could not look,
4 tampered with.`,
      ),

  async run(context, [file = ""], options) {
    const badge = textOption(options, "badge")
    const badgeFile = badge === undefined ? null : resolve(context.cwd, badge)
    if (badgeFile !== null) requireNewFile(badgeFile, "--badge")
    const bytes = await context.readFile(resolve(context.cwd, file))
    const bundle = textOption(options, "bundle")
    const verdict = verifyCertificateHere(bytes, {
      state: context.state,
      trust: await givenTrust(context, textOption(options, "root")),
      atMs: timeOption(textOption(options, "at"), "at") ?? context.clock(),
      bundle:
        bundle === undefined ? undefined : await context.readFile(resolve(context.cwd, bundle)),
      warn: (text) => context.err(`amc: warning: ${text}`),
    })
    if (badgeFile !== null) writeBundle(badgeFile, utf8(badgeSvg(badgeOf(bytes, verdict.accepted))))
    const exit = exitOf(verdict)
    if (!verdict.accepted)
      return { exit, data: null, findings: verdict.findings, lines: [`${file}: REJECTED`] }
    const { certificate, sha256, signedBy } = verdict.value
    const { trust: _, ...said } = certificate
    return {
      exit,
      data: { certificate: sha256, signed_by: signedBy, ...said },
      lines: [`${file}: accepted; certificate ${sha256}`, ...certificateLines(certificate)],
    }
  },
}

/** What can't even be read has no name and no day. */
function badgeOf(bytes: Uint8Array, isAccepted: boolean): Badge {
  try {
    const { run, standing, issued_ms: issuedMs } = parseCertificateFile(bytes).certificate
    const { overall: level, trust_label: trustLabel } = standing
    const shown = isAccepted ? { level, trustLabel } : { level: null, trustLabel: null }
    return { ...shown, issuedMs, agent: run.agent }
  } catch (error) {
    if (!isFault(error)) throw error
    return { level: null, trustLabel: null, issuedMs: 0, agent: "unknown" }
  }
}
