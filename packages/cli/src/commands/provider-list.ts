import { type ProviderKeyState, listProviders, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

const keyTexts: Record<ProviderKeyState, string> = {
  given: "key: yes",
  none: "key: no",
  unsigned: "key: yes, but held back, since no valid signature covers gateway.yaml",
  elsewhere: "key: yes, but held back, since it was given for another place",
  locked: "key: needs unlock",
}

export const providerList: Command = {
  configure: (parser) => parser,

  async run(context) {
    const now = context.clock()
    const workspace = openWorkspace(context.cwd, context.state, now)
    const { config, providers } = await listProviders(workspace, now)
    const { flaw, version } = config
    const signature = flaw === null ? `signed, version ${version}` : `${flaw.code}: ${flaw.detail}`
    return {
      exit: Exit.accepted,
      data: { providers, signature: flaw?.code ?? "valid", version },
      lines: [
        ...providers.map(({ id, kind, upstream, socket, key }) =>
          printable(
            `${id}  ${kind}  ${upstream}${socket === null ? "" : ` by ${socket}`}  ${keyTexts[key]}`,
          ),
        ),
        printable(`gateway.yaml: ${signature}`),
      ],
    }
  },
}
