import { resolve } from "node:path"
import { parseCertificateFile } from "@amc/core"
import { certificateLines } from "../certificate-view.ts"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const certInspect: Command = {
  configure: (parser) =>
    parser.argument("<file>", "the certificate").addHelpText(
      "after",
      `
Example:
  amc cert inspect my-agent.amccert

It shows what the file says and checks nothing: anybody can write such a file. See 'amc cert verify'.`,
    ),

  async run(context, [file = ""]) {
    const bytes = await context.readFile(resolve(context.cwd, file))
    const { certificate, sha256, envelope } = parseCertificateFile(bytes)
    const { trust: _, ...said } = certificate
    const hint = envelope.signatures[0]?.keyid ?? null
    return {
      exit: Exit.accepted,
      data: { verified: false, certificate: sha256, key_hint: hint, ...said },
      lines: [`${file}: NOT CHECKED; certificate ${sha256}`, ...certificateLines(certificate)],
    }
  },
}
