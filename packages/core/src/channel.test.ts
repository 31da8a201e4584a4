import { expect, test } from "vitest"
import { utf8 } from "./bytes.ts"
import { canonicalize } from "./canonical.ts"
import { channels, channelsByType } from "./channel.ts"
import { encodeEvent, type Event, parseEvent } from "./event.ts"
import { factTypes } from "./facts.ts"

const hex = "ab".repeat(32)
const claim = {
  v: 1,
  type: "claim",
  channel: "ingest",
  lane: "main",
  lseq: 0,
  lprev: hex,
  id: "01980000-0000-7000-8000-000000000001",
  ts: 1,
  agent: "coder",
  aseq: 0,
  aprev: hex,
  session: null,
  payload: null,
  facts: {
    measured: { source_sha256: hex },
    reported: { by: "vendor", overall: null, levels: [{ question: "LA-05", level: 5 }] },
  },
  kid: hex,
} satisfies Event
const gap = {
  ...claim,
  type: "gap",
  channel: "recorder",
  facts: {
    measured: { reason: "crash", open_calls: 0, open_sessions: 0, last_ts: 1 },
    reported: {},
  },
} satisfies Event

test.each([
  { why: "a claim that nobody saw", event: claim, good: ["ingest"] },
  { why: "a fact of the monitor's own", event: gap, good: ["recorder"] },
])("$why comes by its own channel and no other, written or read", ({ event, good }) => {
  for (const channel of channels) {
    const moved = { ...event, channel } as Event
    const bytes = canonicalize(moved as never)
    if (good.includes(channel)) {
      expect(parseEvent(encodeEvent(moved))).toEqual(moved)
      continue
    }
    expect(() => encodeEvent(moved)).toThrow(expect.objectContaining({ code: "input/malformed" }))
    expect(() => parseEvent(bytes)).toThrow(`no ${event.type} comes by the channel ${channel}`)
  }
  expect(() => parseEvent(utf8("{}"))).toThrow("event")
})

test("only what came from outside comes in as such, and only runs and attestations by the owner", () => {
  const by = (channel: (typeof channels)[number]): readonly string[] =>
    factTypes.filter((type) => channelsByType[type].includes(channel))
  expect(by("ingest")).toEqual(["claim", "ingest", "trace_claim"])
  expect(by("owner")).toEqual(["run_opened", "run_sealed", "attestation"])
})
