import type { SessionResult } from "@amc/studio"
import { expect, test } from "vitest"
import { checkLines, connectionLines, troubleLines, unservedHint } from "./session-view.ts"

const fine: SessionResult = {
  session: "s1",
  exitCode: 0,
  posture: "measured",
  hardened: true,
  reasons: [],
  check: { verdict: "not-checked", said: "" },
  exchanges: { requests: 2, served: 2, troubles: [] },
  connections: { opened: 0, refused: [] },
  lastWords: "",
  warnings: [],
}

test.each<{ why: string; change: Partial<SessionResult>; lines: readonly string[] }>([
  { why: "went well", change: {}, lines: [] },
  {
    why: "went well after a refusal",
    change: { exchanges: { requests: 2, served: 1, troubles: [{ what: "429", times: 1 }] } },
    lines: [],
  },
  {
    why: "called nobody",
    change: { exchanges: { requests: 0, served: 0, troubles: [] } },
    lines: ["  it called no provider"],
  },
  {
    why: "was refused",
    change: {
      exitCode: 1,
      lastWords: "a\nb",
      exchanges: {
        requests: 3,
        served: 0,
        troubles: [
          { what: "401 from the provider", times: 2 },
          { what: "gateway/no-lease", times: 1 },
        ],
      },
    },
    lines: [
      "  its calls: 0 of 3 answered with success; 401 from the provider (2 times), gateway/no-lease",
      "  its last words:",
      "  | a",
      "  | b",
    ],
  },
  {
    why: "failed without a word",
    change: { exitCode: 3 },
    lines: ["  it said nothing on stderr"],
  },
])("of a session that $why is told why", ({ change, lines }) => {
  expect(troubleLines({ ...fine, ...change })).toEqual(lines)
})

test("of many words the last are shown", () => {
  const lastWords = Array.from({ length: 50 }, (_, i) => `line ${i}`).join("\n")
  const lines = troubleLines({ ...fine, exitCode: 1, lastWords })
  expect(lines).toHaveLength(7)
  expect(lines.at(-1)).toBe("  | line 49")
})

test("a check that failed has its last words, and one that passed has none", () => {
  const check = { verdict: "failed", said: "expected 3" } as const
  expect(checkLines({ ...fine, check })).toEqual(["  the check's last words:", "  | expected 3"])
  expect(checkLines({ ...fine, check: { ...check, verdict: "passed" } })).toEqual([])
})

test("the way to look closer can be pasted", () => {
  expect(unservedHint("amc", ["openai", "b"], ["node", "my agent.js"]).at(-1)).toBe(
    "  amc sandbox run --provider openai --provider b -- node 'my agent.js'",
  )
})

test("what a session was not let out to is told, whatever the agent called it (G3)", () => {
  const refused = [
    { what: "evil.test:443: no (egress/not-allowed)", times: 2 },
    { what: "\u001b[2J", times: 1 },
  ]
  const [line = "", ...more] = connectionLines({ ...fine, connections: { opened: 3, refused } })
  expect(more).toEqual([])
  expect(line).toContain(
    "  its connections: 3 let out; refused: evil.test:443: no (egress/not-allowed) (2 times), ",
  )
  expect(line).not.toContain("\u001b")
  expect(connectionLines(fine)).toEqual([])
})
