import { AmcError } from "@amc/core"
import { openWorkspace, setTarget } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { collected, textOptions } from "../passphrase-options.ts"

export const targetSet: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--agent <id>", "the agent that is to reach it")
      .option("--layer <name=level>", "of each question of a layer; repeatable", collected)
      .option("--question <id=level>", "of one question; repeatable", collected)
      .addHelpText(
        "after",
        "\nSigns the levels that the agent is to reach into targets/<agent>.yaml, in place of what was there.\n\nExample:\n  amc target set --agent my-agent --layer Skills=3 --question RES-06=2",
      ),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const agent = textOption(options, "agent") ?? ""
    const { path, version, value } = await setTarget(workspace, {
      agent,
      layers: levelsOf(textOptions(options, "layer"), "layer"),
      questions: levelsOf(textOptions(options, "question"), "question"),
      clock: context.clock,
    })
    return {
      exit: Exit.accepted,
      data: { agent, path, version, target: value },
      lines: [`${path} is signed as version ${version}`],
    }
  },
}

/** Levels from texts such as `Skills=3`. @throws {@link AmcError} `usage/invalid` */
function levelsOf(texts: readonly string[], option: string): Record<string, number> {
  const pairs = texts.map((text): [string, number] => {
    const [, name, level] = /^(.+)=([0-5])$/.exec(text) ?? []
    if (name !== undefined) return [name, Number(level)]
    throw new AmcError(
      "usage/invalid",
      `--${option} takes a name and a level from 0 to 5, such as Skills=3`,
    )
  })
  return Object.fromEntries(pairs)
}
