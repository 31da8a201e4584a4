import type { MeasuredFacts, ModelPrice, ReportedFacts } from "@amc/core"
import { costOf } from "./price-list.ts"
import { type Amounts, exactly, type Need, noAmounts, type Want } from "./purse.ts"
import type { WireRequest } from "./wire-reader.ts"

/** What bounds a call before its answer is there. */
export interface Bounds {
  readonly bodyBytes: number
  readonly inputTokens: bigint | null
  readonly outputTokens: bigint | null
  /** The request itself says how much it wants at most. */
  readonly isAsked: boolean
  readonly price: ModelPrice | null
}

/** What a call's end shows of its cost. */
export interface Outlay {
  /** Whether anything may have gone to the provider. */
  readonly isForwarded: boolean
  readonly response: Pick<
    MeasuredFacts<"llm_response">,
    "status" | "from_upstream" | "completeness"
  >
  readonly reported: Pick<
    ReportedFacts<"llm_response">,
    "input_tokens" | "output_tokens" | "cache_read_tokens" | "cache_write_tokens"
  >
  readonly format: ReportedFacts<"llm_request">["format"]
  readonly receivedBytes: number
}

/** A token is at least a byte of the body that it comes from, so a body bounds the tokens in it. */
export function boundsOf(
  bodyBytes: number,
  wire: WireRequest | null,
  price: ModelPrice | null,
): Bounds {
  const most = wire?.maxTokens ?? price?.max_output_tokens ?? null
  const output = most === null || wire === null ? NaN : most * wire.answers
  return {
    bodyBytes,
    isAsked: wire !== null && wire.maxTokens !== null,
    inputTokens: wire === null || wire.isInputElsewhere ? null : BigInt(bodyBytes),
    outputTokens: Number.isSafeInteger(output) ? BigInt(output) : null,
    price,
  }
}

/**
 * What a call may come to. One that does not say how much it wants may take what is left, if its input fits;
 * such a call can overrun a budget by its one answer.
 */
export function wantOf(bounds: Bounds): Want {
  const { bodyBytes, inputTokens, outputTokens, isAsked, price } = bounds
  const need = (cost: (input: bigint, output: bigint) => bigint): Need => {
    const most =
      inputTokens === null || outputTokens === null ? null : cost(inputTokens, outputTokens)
    return { most, least: isAsked && most !== null ? most : cost(inputTokens ?? 0n, 0n) }
  }
  return {
    calls: exactly(1n),
    bytes: exactly(BigInt(bodyBytes)),
    tokens: need((input, output) => input + output),
    money_micros: price === null ? exactly(0n) : need((...tokens) => costOf(price, ...tokens)),
  }
}

/** What a call without a body may come to. */
export function bareWant(): Want {
  return { calls: exactly(1n), bytes: exactly(0n), tokens: exactly(0n), money_micros: exactly(0n) }
}

/**
 * What a call came to; nothing if nothing went to the provider. What the provider does not tell counts as the most that it can have been; where
 * nothing bounded it, a token for each byte that went either way. What an answer told before it was cut is not yet
 * all: streams begin with a count of next to nothing, and whoever breaks them off would pay only that.
 */
export function spentOn(bounds: Bounds, outlay: Outlay): Amounts {
  const { isForwarded, response, reported, format } = outlay
  if (!isForwarded) return noAmounts
  const base = { ...noAmounts, calls: 1n, bytes: BigInt(bounds.bodyBytes) }
  if (format.endsWith(".count_tokens")) return base
  const [input, output] = [countOf(reported.input_tokens), countOf(reported.output_tokens)]
  const isTold = input !== null || output !== null
  const isError = response.from_upstream && response.status >= 400
  if (!isTold && isError && response.completeness === "complete") return base
  const { read, written } = cachedApart(outlay)
  const isCut = response.completeness !== "complete"
  const most = {
    in: bounds.inputTokens ?? BigInt(bounds.bodyBytes),
    out: bounds.outputTokens ?? BigInt(outlay.receivedBytes),
  }
  const tokensIn = spentOf(input, most.in, isCut) + read + written
  const tokensOut = spentOf(output, most.out, isCut)
  // To write the cache costs up to twice as much as to read input.
  const money = bounds.price === null ? 0n : costOf(bounds.price, tokensIn + written, tokensOut)
  return { ...base, tokens: tokensIn + tokensOut, money_micros: money }
}

function spentOf(told: bigint | null, most: bigint, isCut: boolean): bigint {
  if (told === null) return most
  return isCut && told < most ? most : told
}

/** Cached input that the count of input tokens leaves out, as Anthropic and Bedrock count. */
function cachedApart({ format, reported }: Outlay): { read: bigint; written: bigint } {
  const isApart = /^(?:anthropic|bedrock)\./.test(format)
  const count = (value: number): bigint => (isApart ? (countOf(value) ?? 0n) : 0n)
  return { read: count(reported.cache_read_tokens), written: count(reported.cache_write_tokens) }
}

/** -1 stands for a count that is not told. */
function countOf(value: number): bigint | null {
  return value < 0 ? null : BigInt(value)
}
