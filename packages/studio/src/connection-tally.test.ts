import type { Observation } from "@amc/core"
import { sampleConnect } from "@amc/testkit"
import { expect, test } from "vitest"
import { ConnectionTally } from "./connection-tally.ts"
import { listRecorder } from "./session-terms.fixture.ts"

function audit(subject: string, detail: string): Observation {
  const measured = { code: "NETWORK_EGRESS_BLOCKED", subject, detail } as const
  const facts = { measured, reported: {} }
  return { type: "audit", channel: "gateway:run-socket", agent: "a", session: "s", facts }
}

test("counts connections and what was refused, and passes everything on (G3)", async () => {
  const recorder = listRecorder()
  const tally = new ConnectionTally(recorder)
  const seen = [
    sampleConnect({ agent: "a", session: "s" }, "c1"),
    audit("egress/not-allowed", "evil.test:443: no"),
    audit("egress/not-allowed", "evil.test:443: no"),
    audit("gateway/lease-unknown", "elsewhere"),
  ]
  for (const each of seen) await tally.record(each)
  expect(tally.connections).toEqual({
    opened: 1,
    refused: [{ what: "evil.test:443: no (egress/not-allowed)", times: 2 }],
  })
  expect(recorder.observations).toEqual(seen)
})

test("a flood of names is told as others (G3)", async () => {
  const tally = new ConnectionTally(listRecorder())
  for (let n = 0; n < 50; n++) await tally.record(audit("egress/not-allowed", `evil-${n}`))
  expect(tally.connections.refused).toHaveLength(9)
  expect(tally.connections.refused.at(-1)).toEqual({ what: "others", times: 42 })
})
