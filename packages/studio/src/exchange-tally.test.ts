import type { Observation } from "@amc/core"
import { expect, test } from "vitest"
import { ExchangeTally } from "./exchange-tally.ts"
import { listRecorder } from "./session-terms.fixture.ts"

function response(
  status: number,
  { fromUpstream = true, completeness = "complete" } = {},
): Observation {
  const measured = { status, from_upstream: fromUpstream, completeness }
  return { type: "llm_response", facts: { measured, reported: {} } } as unknown as Observation
}

function audit(subject: string): Observation {
  return {
    type: "audit",
    facts: { measured: { subject }, reported: {} },
  } as unknown as Observation
}

const request = { type: "llm_request", facts: {} } as unknown as Observation

test.each<{ why: string; seen: Observation; what: string }>([
  { why: "the provider's refusal", seen: response(401), what: "401 from the provider" },
  {
    why: "a provider that is not there",
    seen: response(502, { fromUpstream: false, completeness: "upstream-unreachable" }),
    what: "gateway/upstream-unreachable",
  },
  {
    why: "a provider that takes too long",
    seen: response(504, { fromUpstream: false, completeness: "timeout" }),
    what: "gateway/upstream-timeout",
  },
  {
    why: "an agent that goes",
    seen: response(200, { fromUpstream: false, completeness: "client-gone" }),
    what: "the agent hung up",
  },
  {
    why: "an answer of the gateway's own",
    seen: response(503, { fromUpstream: false }),
    what: "503 from the gateway",
  },
  { why: "a refusal at the door", seen: audit("gateway/no-lease"), what: "gateway/no-lease" },
])("counts $why as a trouble, and passes it on", async ({ seen, what }) => {
  const recorder = listRecorder()
  const tally = new ExchangeTally(recorder)
  for (const each of [request, seen, seen]) await tally.record(each)
  expect(tally.exchanges).toEqual({ requests: 1, served: 0, troubles: [{ what, times: 2 }] })
  expect(recorder.observations).toEqual([request, seen, seen])
})

test("counts what was answered with success, and no audit about something else", async () => {
  const tally = new ExchangeTally(listRecorder())
  for (const each of [request, response(200), request, response(299), audit("s1")])
    await tally.record(each)
  expect(tally.exchanges).toEqual({ requests: 2, served: 2, troubles: [] })
})
