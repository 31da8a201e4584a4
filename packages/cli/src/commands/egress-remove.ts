import { editEgress, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { egressEdit } from "../egress-place.ts"
import { Exit } from "../exit.ts"

export const egressRemove: Command = {
  configure: (parser) =>
    parser
      .argument("[place]", "as 'amc egress list' shows it")
      .option("--addresses <range>", "a range of special addresses, as the list shows it")
      .addHelpText("after", "\nExample:\n  amc egress remove '*.example.com'"),

  async run(context, [place], options) {
    const edit = egressEdit("remove", place, options)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { version, value } = await editEgress(workspace, edit, context.clock)
    const gone = [edit.place, edit.addresses].filter((each) => each !== null)
    return {
      exit: Exit.accepted,
      data: { egress: value.egress, version },
      lines: [
        `${gone.join(" and ")} allowed no more; gateway.yaml is signed as version ${version}`,
      ],
    }
  },
}
