import { array, assert, constantFrom, nat, property, record } from "fast-check"
import { expect, test } from "vitest"
import { StoredPayloads } from "./stored-payloads.ts"

test("finds each event that was noted, and no other", () => {
  const event = record({
    step: nat(5),
    type: constantFrom("llm_request", "llm_response", "agent_stdout"),
    ts: nat(1_000_000),
  })
  assert(
    property(array(event, { maxLength: 5000, size: "max" }), (events) => {
      const [stored, model] = [new StoredPayloads(), new Map<number, object>()]
      let lseq = 0
      for (const { step, type, ts } of events) {
        lseq += step + 1
        stored.note(lseq, { type, ts })
        model.set(lseq, { type, ts })
      }
      for (let at = 0; at <= lseq + 1; at++) expect(stored.find(at)).toEqual(model.get(at))
    }),
    { numRuns: 20 },
  )
})

test("an event that does not come after those before it is not taken for one", () => {
  const stored = new StoredPayloads()
  stored.note(5, { type: "llm_request", ts: 1 })
  stored.note(5, { type: "agent_stdout", ts: 2 })
  stored.note(3, { type: "agent_stdout", ts: 3 })
  expect(stored.find(5)).toEqual({ type: "llm_request", ts: 1 })
  expect(stored.find(3)).toBeUndefined()
})
