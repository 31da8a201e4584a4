import { loadGatewayConfig, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const providerList: Command = {
  configure: (parser) => parser,

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { value, flaw, version } = loadGatewayConfig(workspace, context.clock())
    const signature = flaw === null ? `signed, version ${version}` : `${flaw.code}: ${flaw.detail}`
    return {
      exit: Exit.accepted,
      data: { providers: value.providers, signature: flaw?.code ?? "valid", version },
      lines: [
        ...value.providers.map(({ id, upstream, socket }) =>
          printable(`${id}  ${upstream}${socket === null ? "" : ` by ${socket}`}`),
        ),
        printable(`gateway.yaml: ${signature}`),
      ],
    }
  },
}
