import { resolve } from "node:path"
import { utf8 } from "@amc/core"
import { openWorkspace, policyDraft, writeBundle } from "@amc/studio"
import type { Command, Context } from "../command.ts"
import { Exit } from "../exit.ts"
import { requireNewFile } from "../output-file.ts"
import { collected, textOptions } from "../passphrase-options.ts"
import { shellWord } from "../shell-word.ts"

export const policyInit: Command = {
  configure: (parser) =>
    parser
      .argument("[file]", "the policy to write; an existing file stays", "release.yaml")
      .option(
        "--producer <fingerprint>",
        "a root that bundles may come from, sha256:…; once for each (your own, if left out)",
        collected,
        [],
      )
      .addHelpText(
        "after",
        `
Example:
  amc policy init release.yaml --producer sha256:…

It writes a draft with every rule that there is. Edit it, then sign it with 'amc policy sign'.`,
      ),

  async run(context, [name = ""], options) {
    const file = resolve(context.cwd, name)
    requireNewFile(file, "name")
    const given = textOptions(options, "producer")
    const producers = given.length > 0 ? given : [ownRoot(context)]
    writeBundle(file, utf8(policyDraft(file, producers)))
    return {
      exit: Exit.accepted,
      data: { file, producers },
      lines: [`${file}: a draft; read and edit it`, `Next: amc policy sign ${shellWord(name)}`],
    }
  },
}

function ownRoot(context: Context): string {
  const { rootSha256 } = openWorkspace(context.cwd, context.state, context.clock())
  return `sha256:${rootSha256}`
}
