import { resolve } from "node:path"
import { AmcError } from "@amc/core"
import type { Driver, SessionTerms } from "@amc/studio"
import type { Command as Parser } from "commander"
import { type Context, type Options, textOption } from "./command.ts"

/** Adds what every command that runs an agent takes. */
export function addAgentOptions(parser: Parser): Parser {
  return parser
    .argument("[command...]", "the agent's command, after --")
    .option("--agent <id>", "on whose account this goes", "my-agent")
    .option("--provider <id>", "the provider of gateway.yaml that the agent may use", "openai")
    .passThroughOptions()
}

/** What the options say of a session; the caller adds limits and provider from signed config. */
export function sessionTerms(
  context: Context,
  args: readonly string[],
  options: Options,
  driver: Driver,
): Omit<SessionTerms, "limits" | "provider"> {
  if (args.length === 0)
    throw new AmcError("usage/invalid", "no agent command was given", {
      hint: "put it after --, for example: amc score -- node my-agent.js",
    })
  return {
    agent: textOption(options, "agent") ?? "my-agent",
    driver,
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
