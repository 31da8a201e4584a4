import { resolve } from "node:path"
import { openWorkspace, signPolicy } from "@amc/studio"
import { wholeNumber } from "../agent-options.ts"
import { type Command, textOption } from "../command.ts"
import { dayOf } from "../day.ts"
import { Exit } from "../exit.ts"

export const policySign: Command = {
  configure: (parser) =>
    parser
      .argument("<file>", "the policy, YAML or JSON")
      .option("--expires <days>", "after so many days the signature counts no more")
      .addHelpText(
        "after",
        `
Example:
  amc policy sign release.yaml --expires 90

You sign as the auditor of the workspace that you are in. Beside the policy it writes .sig, the signature, and
.trust.json, the public keys to check it with. Keep the three together where the gate runs, and pin your
root's fingerprint there: amc gate --policy-root sha256:…`,
      ),

  async run(context, [file = ""], options) {
    const now = context.clock()
    const expires = textOption(options, "expires")
    const workspace = openWorkspace(context.cwd, context.state, now)
    const { name, version, sha256, expiresMs, files } = await signPolicy(workspace, {
      path: resolve(context.cwd, file),
      expiresDays: expires === undefined ? null : wholeNumber(expires, "expires", 36_500),
      nowMs: now,
    })
    const root = `sha256:${workspace.rootSha256}`
    const end = expiresMs === null ? "" : `, expires ${dayOf(expiresMs)}`
    return {
      exit: Exit.accepted,
      data: { name, version, sha256, expires_ms: expiresMs, files, root },
      lines: [
        `${name}: signed as version ${version}${end} (sha256:${sha256})`,
        ...files.map((each) => `wrote       ${each}`),
        `it counts under the root ${root}`,
      ],
    }
  },
}
