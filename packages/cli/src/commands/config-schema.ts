import { configJsonSchema, configKinds } from "@amc/core"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const configSchema: Command = {
  configure: (parser) =>
    parser
      .argument("[name]", "a kind of config; all of them are listed, if left out")
      .addHelpText(
        "after",
        "\nWith its output in gateway.schema.json, an editor follows this first line of gateway.yaml:\n# yaml-language-server: $schema=gateway.schema.json\n\nExample:\n  amc config schema gateway",
      ),

  async run(_context, [name]) {
    if (name === undefined) {
      const kinds = configKinds.map(({ name, pattern }) => ({ name, pattern }))
      const lines = kinds.map(({ name, pattern }) => `${name.padEnd(11)}  ${pattern}`)
      return { exit: Exit.accepted, data: { kinds }, lines }
    }
    const schema = configJsonSchema(name)
    return { exit: Exit.accepted, data: schema, lines: JSON.stringify(schema, null, 2).split("\n") }
  },
}
