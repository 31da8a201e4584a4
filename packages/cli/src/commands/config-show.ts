import { AmcError, configKinds, findConfigKind } from "@amc/core"
import { type ConfigValue, effectiveValues, openWorkspace } from "@amc/studio"
import { type Command, flagOption } from "../command.ts"
import { configPath } from "../config-path.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const configShow: Command = {
  configure: (parser) =>
    parser
      .argument("[name]", "a kind of config, such as gateway, or a file under .amc")
      .option("--origin", "say of each value where it comes from"),

  async run(context, [name], options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const isAsked = name === undefined ? () => true : askedFor(name)
    const values = (await effectiveValues(workspace, context.clock())).filter(isAsked)
    const hasOrigin = flagOption(options, "origin")
    return {
      exit: Exit.accepted,
      data: { values },
      lines: values.map((value) => printable(lineOf(value, hasOrigin))),
    }
  },
}

/** @throws {@link AmcError} `usage/invalid` */
function askedFor(name: string): (value: ConfigValue) => boolean {
  if (configKinds.some((kind) => kind.name === name))
    return ({ path }) => findConfigKind(path)?.name === name
  try {
    const asked = configPath(name)
    return ({ path }) => path === asked
  } catch (cause) {
    const known = configKinds.map((kind) => kind.name).join(", ")
    throw new AmcError("usage/invalid", `there is no config '${name}'`, {
      cause,
      hint: `there are: ${known}`,
    })
  }
}

function lineOf({ path, key, value, origin }: ConfigValue, hasOrigin: boolean): string {
  const setting = key === "" ? "(nothing counts)" : `${key} = ${valueText(value)}`
  return `${path}  ${setting}${hasOrigin ? `  (${origin})` : ""}`
}

function valueText(value: unknown): string {
  return value === null ? "(not set)" : JSON.stringify(value)
}
