import { basename, extname, resolve } from "node:path"
import { utf8 } from "@amc/core"
import { openWorkspace, policyDraft, writeBundle } from "@amc/studio"
import { type Command, type Context, textOption } from "../command.ts"
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
      .option(
        "--agent <id>",
        "an agent that bundles may be about; once for each (any, if left out)",
        collected,
        [],
      )
      .option("--id <id>", "what a gate asks for it by (the file's name without its end)")
      .addHelpText(
        "after",
        `
Example:
  amc policy init release.yaml --agent my-agent --producer sha256:…

It writes a draft with every rule that there is. Edit it, then sign it with 'amc policy sign'.`,
      ),

  async run(context, [name = ""], options) {
    const file = resolve(context.cwd, name)
    requireNewFile(file, "name")
    const given = textOptions(options, "producer")
    const producers = given.length > 0 ? given : [ownRoot(context)]
    const id = textOption(options, "id") ?? basename(file, extname(file)).toLowerCase()
    const agents = textOptions(options, "agent")
    writeBundle(file, utf8(policyDraft(file, { id, producerRoots: producers, agents })))
    return {
      exit: Exit.accepted,
      data: { file, id, producers, agents },
      lines: [`${file}: a draft; read and edit it`, `Next: amc policy sign ${shellWord(name)}`],
    }
  },
}

function ownRoot(context: Context): string {
  const { rootSha256 } = openWorkspace(context.cwd, context.state, context.clock())
  return `sha256:${rootSha256}`
}
