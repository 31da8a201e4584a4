import { editEgress, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { egressEdit } from "../egress-place.ts"
import { Exit } from "../exit.ts"

export const egressAllow: Command = {
  configure: (parser) =>
    parser
      .argument("[place]", "a host, '*.domain' or address, with a port unless 443 and 80 are meant")
      .option(
        "--addresses <range>",
        "private or other special addresses that allowed names may lead to, such as 10.1.0.0/16",
      )
      .addHelpText(
        "after",
        "\nTunnels carry TLS whose server name is the host; plain http goes through as it is.\n\nExample:\n  amc egress allow '*.example.com'",
      ),

  async run(context, [place], options) {
    const edit = egressEdit("allow", place, options)
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { version, value } = await editEgress(workspace, edit, context.clock)
    return {
      exit: Exit.accepted,
      data: { egress: value.egress, version },
      lines: [
        ...(edit.place === null ? [] : [`agents may connect to ${edit.place}`]),
        ...(edit.addresses === null
          ? []
          : [`allowed names may lead to addresses of ${edit.addresses}`]),
        `gateway.yaml is signed as version ${version}`,
      ],
    }
  },
}
