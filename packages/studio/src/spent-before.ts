import type { Event, EventBody } from "@amc/core"
import {
  type Amounts,
  boundsOf,
  BudgetBook,
  noAmounts,
  PriceList,
  spentOn,
  sumAmounts,
} from "@amc/gateway"
import type { EventStore } from "@amc/ledger"
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
    withLedger(workspace, ({ events }) =>
      spentSince({ events, lane: workspace.lane, agent }, sinceMs, prices),
    ),
  )
  return { prices, budgets }
}

interface AgentChain {
  readonly events: EventStore
  readonly lane: string
  readonly agent: string
}

/** What an agent's calls came to since a time, by the facts of their requests and responses. */
async function spentSince(chain: AgentChain, sinceMs: number, prices: PriceList): Promise<Amounts> {
  const { events, lane, agent } = chain
  const requests = new Map<string, EventBody<"llm_request">["facts"]>()
  let spent = noAmounts
  for await (const { leaf, type } of events.readAgent(
    lane,
    agent,
    await firstSince(chain, sinceMs),
  )) {
    if (type !== "llm_request" && type !== "llm_response") continue
    const event = eventOf(leaf)
    if (event.type === "llm_request") requests.set(event.facts.measured.call_id, event.facts)
    if (event.type !== "llm_response") continue
    const request = requests.get(event.facts.measured.call_id)
    if (request !== undefined) spent = sumAmounts(spent, spentBy(event.facts, request, prices))
    requests.delete(event.facts.measured.call_id)
  }
  return spent
}

function spentBy(
  { measured, reported }: Extract<Event, { type: "llm_response" }>["facts"],
  request: EventBody<"llm_request">["facts"],
  prices: PriceList,
): Amounts {
  const isForwarded = measured.from_upstream || !notForwarded.has(measured.completeness)
  const bounds = boundsOf(request.measured.body_bytes, null, prices.find(request.reported.model))
  return spentOn(bounds, {
    isForwarded,
    response: measured,
    reported,
    receivedBytes: measured.body_bytes,
    format: request.reported.format,
  })
}

const notForwarded: ReadonlySet<string> = new Set(["refused", "upstream-unreachable"])

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
