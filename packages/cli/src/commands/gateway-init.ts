import { initGateway, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"

export const gatewayInit: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      "\nMakes and signs .amc/gateway.yaml with no providers, where none is there ('amc init' makes one with openai).\n\nExample:\n  amc gateway init\n  amc provider add openai --upstream https://api.openai.com --key-file ~/.openai-key",
    ),

  async run(context) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const { config, isNew } = await initGateway(workspace, context.clock)
    const { version, sha256 } = config
    const providers = config.value.providers.map(({ id }) => id)
    return {
      exit: Exit.accepted,
      data: { version, sha256, is_new: isNew, providers },
      lines: [
        isNew
          ? `gateway.yaml is signed as version ${version}; it names no provider yet: 'amc provider add'`
          : `gateway.yaml is there and signed, version ${version}: ${providers.join(", ") || "no provider"}`,
      ],
    }
  },
}
