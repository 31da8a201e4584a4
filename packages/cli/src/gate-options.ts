import { basename, resolve } from "node:path"
import { gateHere, type GateFiles } from "@amc/studio"
import type { GateVerdict } from "@amc/verify"
import type { Command as Parser } from "commander"
import { wholeNumber } from "./agent-options.ts"
import { type Context, type Options, textOption } from "./command.ts"
import { optionalFile } from "./input-file.ts"
import { givenTrust } from "./root-option.ts"
import { timeOption } from "./time-option.ts"

/** Adds what every command takes that gates. */
export function addGateOptions(parser: Parser): Parser {
  return parser
    .requiredOption(
      "--policy <file>",
      "your signed policy, with its .sig and .trust.json beside it",
    )
    .option(
      "--policy-root <fingerprint>",
      "the root of whoever signs your policies: sha256:…, or their trust file",
    )
    .option("--policy-id <id>", "refuse any other policy that is signed under that root")
    .option("--policy-min-version <n>", "refuse a policy that was signed before this version")
    .option("--previous <file>", "the bundle of an earlier run, for maxDrop and consecutiveRuns")
    .option("--at <time>", "judge age and what expires at this time, such as 2026-11-23")
}

/** Judges a bundle by what those options say. @throws {@link AmcError} as {@link gateHere}; `input/unreadable` */
export async function gateBy(
  context: Context,
  options: Options,
  bundle: Uint8Array,
): Promise<GateVerdict> {
  const now = context.clock()
  return gateHere(await filesBy(context, options, bundle), {
    state: context.state,
    policyRoot: await givenTrust(context, textOption(options, "policyRoot"), "policy-root"),
    policyId: textOption(options, "policyId"),
    minVersion: minVersionOf(options),
    nowMs: now,
    atMs: timeOption(textOption(options, "at"), "at") ?? now,
    warn: (text) => context.err(`amc: warning: ${text}`),
  })
}

function minVersionOf(options: Options): number | undefined {
  const text = textOption(options, "policyMinVersion")
  return text === undefined
    ? undefined
    : wholeNumber(text, "policy-min-version", Number.MAX_SAFE_INTEGER)
}

async function filesBy(context: Context, options: Options, bundle: Uint8Array): Promise<GateFiles> {
  const policy = resolve(context.cwd, textOption(options, "policy") ?? "")
  const previous = textOption(options, "previous")
  return {
    bundle,
    previous:
      previous === undefined ? undefined : await context.readFile(resolve(context.cwd, previous)),
    policyName: basename(policy),
    policy: await context.readFile(policy),
    signature: await optionalFile(context, `${policy}.sig`),
    policyTrust: await optionalFile(context, `${policy}.trust.json`),
  }
}
