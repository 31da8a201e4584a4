import { expect, test } from "vitest"
import type { Capture } from "./capture.ts"
import { requireKnownAgent } from "./known-agent.ts"

function captureOf(...agents: string[]): Capture {
  const heads = { lane: null, agents: agents.map((agent) => ({ agent })) }
  return { recorder: { heads: async () => heads } } as unknown as Capture
}

test("an agent that the ledger knows is let through", async () => {
  await requireKnownAgent(captureOf("_system", "coder"), "coder")
})

test.each([
  { why: "none has run", known: ["_system"], hint: /no agent has run/ },
  { why: "others have run", known: ["tester", "_system", "coder"], hint: /: coder, tester$/ },
  { why: "the system's own chain is meant", known: ["_system"], hint: /no agent/ },
])("an agent of which there is nothing is refused where $why", async ({ known, hint }) => {
  await expect(requireKnownAgent(captureOf(...known), "nobody")).rejects.toMatchObject({
    code: "usage/invalid",
    message: "the ledger holds nothing of an agent 'nobody'",
    hint: expect.stringMatching(hint),
  })
})
