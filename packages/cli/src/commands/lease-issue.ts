import { openWorkspace, reachGateway } from "@amc/studio"
import { type Command, textOption } from "../command.ts"
import { duration } from "../duration.ts"
import { egressNarrowing } from "../egress-place.ts"
import { Exit } from "../exit.ts"
import { localTime } from "../local-time.ts"
import { collected, textOptions } from "../passphrase-options.ts"
import { addPolicyOptions, policyOption } from "../policy-options.ts"

export const leaseIssue: Command = {
  configure: (parser) =>
    addPolicyOptions(
      parser
        .requiredOption(
          "--agent <id>",
          "all that is done with the lease is on this agent's account",
        )
        .requiredOption("--provider <id>", "a provider that it opens; repeatable", collected)
        .option(
          "--egress <place>",
          "a host that it may connect to, of those that are allowed; repeatable; all if left out",
          collected,
        )
        .option("--ttl <time>", "how long it counts, such as 90s, 30m, 8h or 2d", "8h"),
    ).addHelpText(
      "after",
      `
Asks the gateway that runs ('amc gateway start'). Prints the lease alone on stdout, once; give it to the agent where it
puts its API key. The other options narrow what signed config allows. --budget counts over the lease's whole life.

Examples:
  amc lease issue --agent my-agent --provider openai --ttl 8h
  amc lease issue --agent my-agent --provider openai --model 'gpt-5.4*' --budget tokens=200000`,
    ),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const providers = textOptions(options, "provider")
    const policy = policyOption(options, providers, "lease")
    const gateway = reachGateway(workspace)
    const { token, lease } = await gateway.issue({
      agent: textOption(options, "agent") ?? "",
      providers,
      ttl_ms: duration(textOption(options, "ttl") ?? "", "ttl"),
      ...(policy === undefined ? {} : { policy }),
      ...egressNarrowing(textOptions(options, "egress")),
    })
    const urls = lease.providers.map((id) => `${gateway.url}/${id}`)
    context.err(
      `lease ${lease.id.slice(0, 12)} of ${lease.agent} until ${localTime(lease.expiresMs)}`,
    )
    for (const url of urls) context.err(`base URL: ${url} (OpenAI clients: ${url}/v1)`)
    if (gateway.egressUrl !== null)
      context.err(
        `egress proxy: HTTPS_PROXY=${gateway.egressUrl.replace("//", "//agent:<lease>@")}`,
      )
    return {
      exit: Exit.accepted,
      data: {
        token,
        id: lease.id,
        agent: lease.agent,
        providers,
        expires_ms: lease.expiresMs,
        urls,
        egress_url: gateway.egressUrl,
      },
      lines: [token],
    }
  },
}
