import { resolve } from "node:path"
import { AmcError, parseCertificateFile } from "@amc/core"
import { openWorkspace, revokeCertificateOf, type Workspace } from "@amc/studio"
import type { Command, Context } from "../command.ts"
import { Exit } from "../exit.ts"
import { addOwnerOptions, ownersOf } from "../owner-options.ts"

export const certRevoke: Command = {
  configure: (parser) =>
    addOwnerOptions(
      parser.argument(
        "<certificate>",
        "the certificate's file, or its digest: 64 hexadecimal digits",
      ),
    ).addHelpText(
      "after",
      `
Example:
  amc cert revoke my-agent.amccert

It stands in the revocation list that the owners sign. Hand out 'amc keys export --format trust' to those who
verify: who has not heard of it can't know. It can't be undone.`,
    ),

  async run(context, [given = ""], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const sha256 = await digestOf(context, workspace, given)
    const owners = await ownersOf(context, workspace, options)
    await revokeCertificateOf(workspace, sha256, { owners, clock: context.clock })
    return {
      exit: Exit.accepted,
      data: { certificate: sha256 },
      lines: [
        `revoked  ${sha256}`,
        "Hand out 'amc keys export --format trust' to those who verify.",
      ],
    }
  },
}

/** A list speaks for its own workspace alone, so another's certificate is not taken back by it. */
async function digestOf(
  context: Context,
  { workspace, rootSha256 }: Workspace,
  given: string,
): Promise<string> {
  if (/^[0-9a-f]{64}$/u.test(given)) return given
  const file = parseCertificateFile(await context.readFile(resolve(context.cwd, given)))
  if (file.certificate.root_sha256 === rootSha256) return file.sha256
  throw new AmcError("usage/invalid", `${given} was not issued by ${workspace}`, {
    hint: "only its issuer can take it back",
  })
}
