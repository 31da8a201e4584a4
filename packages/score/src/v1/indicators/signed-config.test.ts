import { expect, test } from "vitest"
import { day } from "../../lane.fixture.ts"
import type { MeasuredWindow, SeenSession } from "../indicator.ts"
import { seenOf, spansOf } from "../measured-session.fixture.ts"

const minute = 60_000
const hour = 60 * minute

/** What the system's chain says of the config, each event named by its time. */
interface Told {
  readonly looks?: readonly number[]
  readonly faults?: readonly (readonly [ms: number, path?: string, code?: string])[]
  readonly repairs?: readonly (readonly [ms: number, version?: number, path?: string])[]
}

function systemOf({ looks = [], faults = [], repairs = [] }: Told): MeasuredWindow["system"] {
  const told = (kind: string, ts: number, measured: object): object => ({
    hash: `${kind} ${ts}`,
    ts,
    measured,
  })
  const events: Record<string, readonly object[]> = {
    vault_generation: looks.map((ts) => told("look", ts, {})),
    audit: faults.map(([ts, subject = "a", code = "CONFIG_UNSIGNED"]) =>
      told("fault", ts, { code, subject }),
    ),
    config_change: repairs.map(([ts, version = 1, path = "a"]) =>
      told("repair", ts, { path, version }),
    ),
  }
  return ((type: string) => events[type]) as unknown as MeasuredWindow["system"]
}

/** A session that was answered; each is a look at its beginning and at its end. */
const served = (firstMs: number, lastMs: number): SeenSession => seenOf({ firstMs, lastMs })
const fault = `fault ${2 * hour}`

type Span = readonly [day: number, outcome: string, minutes: number, because: string]

/** What two hours come to before a fault that nothing repaired: the look before it is not believed. */
const before: readonly Span[] = [
  [0, "pass", 1, "open"],
  [0, "unknown", 1, "open"],
]

test.each<{
  why: string
  told: Told
  window?: Partial<MeasuredWindow>
  spans: readonly Span[]
}>([
  { why: "nothing is known", told: {}, window: { sessions: [] }, spans: [] },
  { why: "looks, and no session", told: { looks: [0, hour] }, window: { sessions: [] }, spans: [] },
  {
    why: "looks on a day with a session",
    told: { looks: [hour] },
    spans: [[0, "pass", 61, "open"]],
  },
  {
    why: "a session is a look at both its ends",
    told: {},
    window: { sessions: [seenOf({ lastMs: hour })] },
    spans: [[0, "pass", 61, "open"]],
  },
  ...[{ isServed: false }, { isSeenWhole: false }].map((how) => ({
    why: `no look and no day by a session with ${JSON.stringify(how)}`,
    told: { looks: [day] },
    window: {
      sessions: [seenOf({}), seenOf({ firstMs: day, lastMs: day + hour, ...how })],
    },
    spans: [[0, "pass", 1441, "open"]] as const,
  })),
  {
    why: "a minute counts when it has begun",
    told: { looks: [minute - 1] },
    spans: [[0, "pass", 1, "open"]],
  },
  {
    why: "the next minute counts when it has begun",
    told: { looks: [minute] },
    spans: [[0, "pass", 2, "open"]],
  },
  {
    why: "a look tells of a day before it at most",
    told: {},
    window: { sessions: [seenOf({}), served(day, 2 * day + hour + 1)] },
    spans: [
      [0, "pass", 1441, "open"],
      [1, "pass", 1380, "open"],
      [2, "pass", 61, "open"],
    ],
  },
  {
    why: "what a look tells ends with the window",
    told: { looks: [hour, 3 * hour] },
    window: { toMs: 2 * hour },
    spans: [[0, "pass", 121, "open"]],
  },
  ...["CONFIG_UNSIGNED", "CONFIG_SIGNATURE_INVALID"].map((code) => ({
    why: `${code} is never repaired`,
    told: { faults: [[2 * hour, "a", code]] as const },
    window: { toMs: 3 * hour },
    spans: [...before, [0, "fail", 61, fault]] as const,
  })),
  {
    why: "another audit is no fault",
    told: { looks: [3 * hour], faults: [[2 * hour, "a", "CONFIG_CLAIM_CONTRADICTED"]] },
    spans: [[0, "pass", 181, "open"]],
  },
  {
    why: "the time before the last look is unknown once a fault is found",
    told: { looks: [hour], faults: [[2 * hour]] },
    window: { toMs: 3 * hour },
    spans: [
      [0, "pass", 1, "open"],
      [0, "unknown", 61, `look ${hour}`],
      [0, "fail", 61, fault],
    ],
  },
  {
    why: "a look and the fault that it found",
    told: { looks: [2 * hour], faults: [[2 * hour]] },
    window: { toMs: 3 * hour },
    spans: [
      [0, "pass", 1, "open"],
      [0, "unknown", 121, `look ${2 * hour}`],
      [0, "fail", 61, fault],
    ],
  },
  {
    why: "broken for more than a day, on days without a session",
    told: { faults: [[2 * hour]] },
    window: { toMs: 2 * day + hour },
    spans: [...before, [0, "fail", 1321, fault], [1, "fail", 1441, fault], [2, "fail", 61, fault]],
  },
  {
    why: "broken since before what is looked at",
    told: { faults: [[2 * hour]] },
    window: { lookMs: 3 * hour, toMs: 4 * hour },
    spans: [[0, "fail", 61, fault]],
  },
  {
    why: "whole again from the repair on",
    told: { looks: [4 * hour, 5 * hour], faults: [[2 * hour]], repairs: [[3 * hour]] },
    spans: [
      [0, "pass", 121, "open"],
      [0, "unknown", 1, "open"],
      [0, "fail", 61, fault],
    ],
  },
  {
    why: "a look shows nothing whole while a file is broken",
    told: { looks: [3 * hour], faults: [[2 * hour]], repairs: [[4 * hour]] },
    spans: [...before, [0, "fail", 121, fault]],
  },
  {
    why: "found again, it is broken since it was found first",
    told: { faults: [[2 * hour], [3 * hour]], repairs: [[4 * hour]] },
    spans: [...before, [0, "fail", 121, fault]],
  },
  {
    why: "one of two files is repaired",
    told: { faults: [[2 * hour], [3 * hour, "b"]], repairs: [[4 * hour]] },
    window: { toMs: 5 * hour },
    spans: [...before, [0, "fail", 181, fault]],
  },
  {
    why: "both files are repaired",
    told: {
      faults: [[2 * hour], [3 * hour, "b"]],
      repairs: [[4 * hour], [5 * hour, 1, "b"]],
    },
    spans: [...before, [0, "fail", 181, fault]],
  },
  {
    why: "another file is signed",
    told: { faults: [[2 * hour]], repairs: [[3 * hour, 1, "b"]] },
    window: { toMs: 4 * hour },
    spans: [...before, [0, "fail", 121, fault]],
  },
  {
    why: "signing what is whole repairs nothing",
    told: { looks: [2 * hour], repairs: [[hour]] },
    spans: [[0, "pass", 121, "open"]],
  },
  {
    why: "the same version again repairs nothing",
    told: {
      faults: [[2 * hour]],
      repairs: [
        [hour, 2],
        [3 * hour, 2],
      ],
    },
    window: { toMs: 4 * hour },
    spans: [...before, [0, "fail", 121, fault]],
  },
  {
    why: "an older version repairs nothing, whichever was read first",
    told: {
      faults: [[2 * hour]],
      repairs: [
        [3 * hour, 1],
        [hour, 2],
      ],
    },
    window: { toMs: 4 * hour },
    spans: [...before, [0, "fail", 121, fault]],
  },
  {
    why: "a later version repairs, and so does the first",
    told: {
      faults: [[2 * hour], [2 * hour, "b"]],
      repairs: [
        [hour, 1],
        [3 * hour, 2],
        [3 * hour, 0, "b"],
      ],
    },
    spans: [...before, [0, "fail", 61, fault]],
  },
  {
    why: "broken again in the millisecond of its repair",
    told: { faults: [[2 * hour], [3 * hour]], repairs: [[3 * hour]] },
    window: { toMs: 4 * hour },
    spans: [...before, [0, "fail", 61, fault], [0, "fail", 61, `fault ${3 * hour}`]],
  },
])("SAO-08: $why", ({ told, window, spans }) => {
  const found = spansOf("SAO-08", { system: systemOf(told), ...window })
  expect(
    found.flatMap(({ session, items }) =>
      items.map(({ outcome, count, events }) => [session.day, outcome, count, events?.[0]]),
    ),
  ).toEqual(spans)
})

test("SAO-08: what was broken at one go counts as a whole on each of its days, and nothing else does", () => {
  const told = { looks: [hour], faults: [[2 * hour]] } as const
  const found = spansOf("SAO-08", { system: systemOf(told), toMs: day + hour })
  expect(found.map(({ session, items }) => [session.id, items[0]?.stretch])).toEqual([
    ["pass 0", 0],
    ["unknown 0", 0],
    [`fail ${2 * hour}`, 1381],
    [`fail ${day}`, 1381],
  ])
  for (const { tier } of found) expect(tier).toBe("OBSERVED")
  const places = found.map(({ session: { firstMs, lastMs } }) => [firstMs, lastMs])
  expect(places).toEqual([
    [0, 0],
    [0, hour],
    [2 * hour, day],
    [day, day + hour],
  ])
})
