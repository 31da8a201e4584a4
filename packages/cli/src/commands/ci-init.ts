import { mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { AmcError, parseGatePolicy, utf8 } from "@amc/core"
import { ciFiles, writeBundle } from "@amc/studio"
import { type Command, type Context, type Options, textOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { requireNewFile } from "../output-file.ts"

const services = ["github", "gitlab"] as const

export const ciInit: Command = {
  configure: (parser) =>
    parser
      .requiredOption("--source <repository>", "where AMC comes from: owner/repository@<commit>")
      .requiredOption("--bundle <path>", "the bundle of the release, in the repository")
      .requiredOption("--policy <path>", "the signed policy, in the repository")
      .option("--policy-id <id>", "the id that the policy must have; read from it, if left out")
      .option("--service <name>", `${services.join(" or ")}; both, if left out`)
      .addHelpText(
        "after",
        `
Example:
  amc ci init --source acme/amc@0123456789abcdef0123456789abcdef01234567 --bundle my-agent.amcbundle --policy release.yaml

It writes a workflow for GitHub and a job for GitLab into this folder, and nothing over what is there. Set the
variable AMC_POLICY_ROOT to your root's fingerprint in the settings of the service. Of a change the gate takes the
bundle alone; the policy and its trust file come from the default branch, so protect that.`,
      ),

  async run(context, _args, options) {
    const [source, bundle, policy] = ["source", "bundle", "policy"].map(
      (name) => textOption(options, name) ?? "",
    ) as [string, string, string]
    const service = textOption(options, "service")
    if (service !== undefined && !services.some((each) => each === service))
      throw new AmcError("usage/invalid", `--service takes ${services.join(" or ")}`)
    const files = ciFiles({
      source,
      bundle,
      policy,
      policyId: await policyIdOf(context, options, policy),
    })
      .filter(({ path }) => service === undefined || path.startsWith(`.${service}/`))
      .map(({ path, text }) => ({ path: resolve(context.cwd, path), text }))
    for (const { path } of files) {
      mkdirSync(dirname(path), { recursive: true })
      requireNewFile(path, "folder")
    }
    for (const { path, text } of files) writeBundle(path, utf8(text))
    return {
      exit: Exit.accepted,
      data: { files: files.map(({ path }) => path) },
      lines: [
        ...files.map(({ path }) => `wrote  ${path}`),
        "Next: set the variable AMC_POLICY_ROOT in the settings of the service, and commit the policy with its .sig and .trust.json to the default branch.",
      ],
    }
  },
}

async function policyIdOf(context: Context, options: Options, policy: string): Promise<string> {
  const given = textOption(options, "policyId")
  if (given !== undefined) return given
  return parseGatePolicy(await context.readFile(resolve(context.cwd, policy)), policy).id
}
