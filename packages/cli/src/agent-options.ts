import { resolve } from "node:path"
import { AmcError, type ProviderConfig } from "@amc/core"
import {
  type Capture,
  chooseProviders,
  type Driver,
  drivers,
  egressWarnings,
  type SessionTerms,
} from "@amc/studio"
import type { Command as Parser } from "commander"
import { type Context, type Options, textOption } from "./command.ts"
import { collected, textOptions } from "./passphrase-options.ts"

/** Adds what every command that runs an agent takes. */
export function addAgentOptions(parser: Parser): Parser {
  return parser
    .argument("[command...]", "the agent's command, after --")
    .option("--agent <id>", "the name under which all of this is recorded", "my-agent")
    .option(
      "--provider <id>",
      "a provider that the agent may call, as in 'provider list'; once for each; without it, those that have a key",
      collected,
      [],
    )
    .passThroughOptions()
}

/** Adds what every command that boxes an agent in takes. */
export function addBoxOptions(parser: Parser, more: string): Parser {
  return parser
    .option("--driver <name>", `bubblewrap, docker or podman${more}`, "bubblewrap")
    .option(
      "--image <name>",
      "for docker and podman: an image of yours for the root of the box; without it, this machine's own programs",
    )
    .option(
      "--network <kind>",
      "none; or internal for a network of this run alone with all ways out closed (docker, podman)",
      "none",
    )
}

/** The driver that was asked for. @throws {@link AmcError} `usage/invalid` */
export function driverOf(options: Options, mayBeNone = false): Driver {
  const name = textOption(options, "driver")
  const possible = drivers.filter((driver) => mayBeNone || driver !== "none")
  const driver = possible.find((each) => each === name)
  if (driver !== undefined) return driver
  throw new AmcError("usage/invalid", `--driver takes ${possible.join(", ")}`)
}

/** @throws {@link AmcError} `usage/invalid` for what the driver has no use for */
function boxOf(options: Options, driver: Driver): Pick<SessionTerms, "image" | "network"> {
  const image = textOption(options, "image") ?? null
  const network = textOption(options, "network") ?? "none"
  if (network !== "none" && network !== "internal")
    throw new AmcError("usage/invalid", "--network takes none or internal")
  const isEngine = driver === "docker" || driver === "podman"
  if (!isEngine && (image !== null || network !== "none"))
    throw new AmcError("usage/invalid", "--image and --network are for docker and podman", {
      hint: "say --driver docker as well",
    })
  return { image, network }
}

/** What the options say of a session; the caller adds limits and provider from signed config. */
export function sessionTerms(
  context: Context,
  args: readonly string[],
  options: Options,
  driver: Driver,
): Omit<SessionTerms, "limits" | "providers"> {
  if (args.length === 0)
    throw new AmcError("usage/invalid", "no agent command was given", {
      hint: "put it after --, for example: amc score -- node my-agent.js",
    })
  return {
    agent: textOption(options, "agent") ?? "my-agent",
    driver,
    ...boxOf(options, driver),
    command: args,
    cwd: context.cwd,
    work: resolve(context.cwd, textOption(options, "work") ?? "."),
    check: textOption(options, "check") ?? null,
    number: 1,
    environment: context.environment,
    stdin: null,
    echo: {},
    signal: context.signal,
  }
}

/** A whole number from an option. @throws {@link AmcError} `usage/invalid` */
export function wholeNumber(text: string | undefined, name: string, most: number): number {
  const value = /^\d{1,6}$/.test(text ?? "") ? Number(text) : 0
  if (value < 1 || value > most)
    throw new AmcError("usage/invalid", `--${name} takes a whole number from 1 to ${most}`)
  return value
}

/** What a session without a box does to all others, said before it begins. */
export function warnOfNoBox(context: Context, driver: Driver): void {
  if (driver !== "none") return
  context.err(
    "warning: without a box the agent can read the keys of this workspace; from now on every run of ANY agent here is INVALID for as long as its window (14 days, or more where --window says so) holds this session; to keep the others, use a second workspace: 'amc init' in another folder",
  )
}

/** The providers that the agent may call; says what the owner should know of them before it runs. */
export async function chosenProviders(
  context: Context,
  capture: Capture,
  options: Options,
): Promise<readonly ProviderConfig[]> {
  const { providers, warnings } = await chooseProviders(capture, textOptions(options, "provider"))
  for (const warning of [...warnings, ...egressWarnings(capture)])
    context.err(`warning: ${warning}`)
  return providers
}
