import { type EventBody, isFault, type MeasuredFacts } from "@amc/core"
import {
  type Amounts,
  boundsOf,
  BudgetBook,
  noAmounts,
  type Outlay,
  PriceList,
  spentOn,
  sumAmounts,
  WireReader,
} from "@amc/gateway"
import type { BlobStore, EventStore } from "@amc/ledger"
import type { Capture } from "./capture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"

/** The prices in force and the budgets, with what was spent before this process began. */
export function openBudgets(capture: Capture): {
  readonly prices: PriceList
  readonly budgets: BudgetBook
} {
  const { value, flaw } = capture.gatewayConfig
  // Whoever can write an unsigned file could make every model free.
  const prices = new PriceList(flaw === null ? value.prices : [])
  const { workspace, clock } = capture
  const budgets = new BudgetBook(clock, (agent, sinceMs) =>
    withLedger(workspace, ({ events, blobs }) =>
      spentSince({ events, blobs, lane: workspace.lane, agent }, sinceMs, prices),
    ),
  )
  return { prices, budgets }
}

interface AgentChain {
  readonly events: EventStore
  readonly blobs: BlobStore
  readonly lane: string
  readonly agent: string
}

type RequestEvent = EventBody<"llm_request">

/**
 * What an agent's calls came to since a time, by the facts of their requests and responses. What an earlier process
 * left open recovery has closed; what is open now, this process holds itself.
 */
async function spentSince(chain: AgentChain, sinceMs: number, prices: PriceList): Promise<Amounts> {
  const { events, lane, agent } = chain
  const requests = new Map<string, RequestEvent>()
  let spent = noAmounts
  for await (const { leaf, type } of events.readAgent(
    lane,
    agent,
    await firstSince(chain, sinceMs),
  )) {
    if (type !== "llm_request" && type !== "llm_response") continue
    const event = eventOf(leaf)
    if (event.type === "llm_request") requests.set(event.facts.measured.call_id, event)
    if (event.type !== "llm_response") continue
    const request = requests.get(event.facts.measured.call_id)
    if (request !== undefined)
      spent = sumAmounts(spent, await spentBy(chain, outlayOf(event, request), request, prices))
    requests.delete(event.facts.measured.call_id)
  }
  return spent
}

/** What the answer does not tell counts as the most that the request asked for, so that is read again. */
async function spentBy(
  { blobs }: AgentChain,
  outlay: Outlay,
  { facts, payload }: RequestEvent,
  prices: PriceList,
): Promise<Amounts> {
  const reader = new WireReader()
  const body = isTold(outlay) ? null : await storedBody(blobs, payload?.blob_sha256 ?? null)
  if (body !== null) reader.push(body)
  const wire = reader.end()
  const price = prices.find(facts.reported.model || (wire.model ?? ""))
  return spentOn(boundsOf(facts.measured.body_bytes, wire, price), outlay)
}

/** Null for one that was too long to be stored, or is not there any more. */
async function storedBody(blobs: BlobStore, sha256: string | null): Promise<Uint8Array | null> {
  try {
    return sha256 === null ? null : await blobs.get(sha256)
  } catch (error) {
    // Whether what is stored was damaged is for 'amc verify' to say.
    if (isFault(error) && error.code === "store/damaged") return null
    throw error
  }
}

function isTold({ response, reported }: Outlay): boolean {
  const { input_tokens: input, output_tokens: output } = reported
  return response.completeness === "complete" && input >= 0 && output >= 0
}

function outlayOf(
  { facts: { measured, reported } }: EventBody<"llm_response">,
  request: RequestEvent,
): Outlay {
  return {
    isForwarded: measured.from_upstream || !isStopped(measured),
    response: measured,
    reported,
    receivedBytes: measured.body_bytes,
    format: request.facts.reported.format,
  }
}

/** Whether a rule or a budget stopped a call, or nobody was there; what was refused otherwise may have been forwarded. */
function isStopped({ completeness, status }: MeasuredFacts<"llm_response">): boolean {
  if (completeness === "refused") return status === 403 || status === 429
  return completeness === "upstream-unreachable"
}

/** The place in an agent's chain from which on events are that late; times never decrease in it. */
async function firstSince(chain: AgentChain, sinceMs: number): Promise<number> {
  const head = (await chain.events.agentHeads(chain.lane)).find(
    ({ agent }) => agent === chain.agent,
  )
  let [low, high] = [0, (head?.aseq ?? -1) + 1]
  while (low < high) {
    const middle = Math.floor((low + high) / 2)
    if ((await timeAt(chain, middle)) < sinceMs) low = middle + 1
    else high = middle
  }
  return low
}

async function timeAt({ events, lane, agent }: AgentChain, aseq: number): Promise<number> {
  for await (const { ts } of events.readAgent(lane, agent, aseq)) return ts
  return Infinity
}
