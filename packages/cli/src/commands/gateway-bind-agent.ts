import { bindAgent, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { egressNarrowing } from "../egress-place.ts"
import { Exit } from "../exit.ts"
import { collected, textOptions } from "../passphrase-options.ts"
import { addPolicyOptions, policyOption } from "../policy-options.ts"

export const gatewayBindAgent: Command = {
  configure: (parser) =>
    addPolicyOptions(
      parser
        .argument("<agent>", "the agent's id")
        .option(
          "--provider <id>",
          "a provider that it may call; repeatable; all if left out",
          collected,
        )
        .option(
          "--egress <place>",
          "a host that it may connect to, of those that are allowed; repeatable; as before if left out",
          collected,
        ),
    ).addHelpText(
      "after",
      `
Signs what the agent may ask of its providers into agents/<id>/agent.config.yaml, in place of what was there. Its
leases can narrow that, and never widen it. --budget counts over each day (UTC).

Example:
  amc gateway bind-agent my-agent --provider openai --model 'gpt-5.4*' --budget money_micros=5000000`,
    ),

  async run(context, [agent = ""], options) {
    const providers = textOptions(options, "provider")
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const policy = policyOption(options, providers, "day")
    const narrowed = egressNarrowing(textOptions(options, "egress"))
    const terms = { agent, providers, policy, ...narrowed, clock: context.clock }
    const config = await bindAgent(workspace, terms)
    const { path, version, value } = config
    return {
      exit: Exit.accepted,
      data: { agent, path, version, gateway: value.gateway ?? {}, egress: value.egress ?? null },
      lines: [
        `${path} is signed as version ${version}`,
        "its way to other hosts, with a lease of 'amc gateway start': HTTPS_PROXY=http://agent:<lease>@127.0.0.1:3212",
      ],
    }
  },
}
