import { AmcError, type Budget, type WirePolicy, wirePolicySchema } from "@amc/core"
import type { Command as Parser } from "commander"
import { type Options, textOption } from "./command.ts"
import { collected, textOptions } from "./passphrase-options.ts"

/** Adds what narrows the calls that may be made. */
export function addPolicyOptions(parser: Parser): Parser {
  return parser
    .option(
      "--path <prefix>",
      "a path behind the provider, such as /v1/chat/completions; repeatable",
      collected,
    )
    .option("--method <method>", "an HTTP method; repeatable", collected)
    .option("--model <name>", "a model, or the beginning of names and a *; repeatable", collected)
    .option("--tool <name>", "a tool that may be offered to the model; repeatable", collected)
    .option("--max-tokens <n>", "the most output tokens that a request may ask for")
    .option("--requests-per-minute <n>", "requests in any minute")
    .option("--concurrent-calls <n>", "calls at once")
    .option("--budget <what=n>", "calls, bytes, tokens or money_micros; repeatable", collected)
}

/** What the options say, or undefined if they narrow nothing. `span` is what `--budget` counts over. */
export function policyOption(
  options: Options,
  providers: readonly string[],
  span: "lease" | "session" | "day",
): WirePolicy | undefined {
  const [paths, methods] = [textOptions(options, "path"), textOptions(options, "method")]
  const [models, tools] = [textOptions(options, "model"), textOptions(options, "tool")]
  const budget = budgetOption(textOptions(options, "budget"))
  const most = numberOption(options, "maxTokens", "max-tokens")
  const rate = numberOption(options, "requestsPerMinute", "requests-per-minute")
  const atOnce = numberOption(options, "concurrentCalls", "concurrent-calls")
  const route = { ...(paths.length > 0 && { paths }), ...(methods.length > 0 && { methods }) }
  const policy = {
    ...(Object.keys(route).length > 0 && {
      routes: providers.map((provider) => ({ provider, ...route })),
    }),
    ...(models.length > 0 && { models }),
    ...(tools.length > 0 && { tools: { allowed: tools } }),
    ...(most !== undefined && { parameters: { max_tokens: most } }),
    ...(rate !== undefined && { requests_per_minute: rate }),
    ...(atOnce !== undefined && { concurrent_calls: atOnce }),
    ...(budget !== undefined && { budgets: { [span]: budget } }),
  }
  return Object.keys(policy).length === 0 ? undefined : checked(policy)
}

function checked(policy: unknown): WirePolicy {
  const parsed = wirePolicySchema.safeParse(policy)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AmcError("usage/invalid", `${issue?.path.join(".")}: ${issue?.message.toLowerCase()}`)
}

function budgetOption(texts: readonly string[]): Budget | undefined {
  if (texts.length === 0) return undefined
  const amounts = texts.map((text) => {
    const [, what, number = ""] = /^(calls|bytes|tokens|money_micros)=(\d{1,15})$/.exec(text) ?? []
    if (what === undefined)
      throw new AmcError(
        "usage/invalid",
        "--budget takes calls, bytes, tokens or money_micros, = and a number",
        {
          hint: "for example --budget tokens=200000 --budget money_micros=5000000 (5 dollars)",
        },
      )
    return [what, what === "money_micros" ? String(BigInt(number)) : Number(number)] as const
  })
  return Object.fromEntries(amounts)
}

function numberOption(options: Options, key: string, name: string): number | undefined {
  const text = textOption(options, key)
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new AmcError("usage/invalid", `--${name} takes a whole number from 1 on`)
}
