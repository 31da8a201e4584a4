import { readFileSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { digest, type LaneFixture } from "./lane.fixture.ts"
import { record, type SessionPlan, type Story } from "./evidence.fixture.ts"
import { type Report, scoreRun, type Survey, surveyRun } from "./index.ts"

const vectorsFile: string = fileURLToPath(
  new URL("../../../spec/vectors/survey.json", import.meta.url),
)

/** A report with what lies behind it, as readers of reports are given it. */
export interface SurveyCase {
  readonly name: string
  readonly why: string
  readonly report: Report
  readonly survey: Survey
}

/** What an agent may write where it can write at all: for a page, a terminal, and a reader's eye. */
const hostile = `<img src=x onerror=alert(1)>\u001B[2J\u202E|\`@all https://x.example "'&`

function daily(days: number, perDay: number, change: Partial<SessionPlan> = {}): Story["sessions"] {
  return Array.from({ length: days * perDay }, (_, at) => ({
    day: Math.floor(at / perDay),
    task: `task ${at}`,
    ...change,
  }))
}

const claims = ["SAO-02", "CA-12", "RES-09", "SK-02"].map((question) => ({ question, level: 4 }))

const stories: readonly { name: string; why: string; story: Story }[] = [
  {
    name: "good",
    why: "six good sessions on each of fourteen days, in hardened boxes",
    story: { sessions: daily(14, 6, { prose: "scripted-1" }), claims },
  },
  {
    name: "middling",
    why: "four days with some failed checks, a clock step and an unsigned file",
    story: {
      sessions: daily(4, 3, { prose: "scripted-1", box: "isolated" }).map((plan, at) => ({
        ...plan,
        passed: at % 3 !== 0,
        hasClockStep: at === 5,
      })),
      claims,
      endDay: 6,
      system: (lane): void => {
        const subject = "agents/agent-1/agent.config.yaml"
        lane.record(
          "audit",
          { code: "CONFIG_UNSIGNED", subject, detail: "it has no signature" },
          { of: "_system" },
        )
      },
    },
  },
  {
    name: "bad",
    why: "secrets in texts, retries that do not wait, and names that would steer a page",
    story: {
      sessions: daily(2, 4, { prose: hostile, waitMs: 10, hasSecret: true, exitCode: 139 }),
      claims: claims.map((claim) => ({ ...claim, text: hostile })),
      endDay: 2,
      system: bring,
    },
  },
  {
    name: "invalid",
    why: "one session ran outside a box, and one was never sealed",
    story: {
      sessions: [
        ...daily(3, 2, { prose: hostile }),
        { day: 1, task: "outside", box: "none", prose: hostile },
        { day: 2, task: "open", end: "open" },
      ],
      endDay: 3,
      system: (lane): void => {
        const subject = `session ${hostile}`
        lane.record(
          "audit",
          { code: "TRUST_BOUNDARY_VIOLATED", subject, detail: hostile },
          { of: "_system" },
        )
      },
    },
  },
]

/** A file of others' results, and a trace with a call that was not recorded. */
function bring(lane: LaneFixture): void {
  const terms = { channel: "ingest" } as const
  const counts = { entries: 9, passed: 8, failed: 1, undecided: 0, from_ms: -1, to_ms: -1 }
  const source = { source_sha256: digest("results"), format: "promptfoo", about: "SK-02" } as const
  lane.record(
    "ingest",
    { ...source, secrets_found: 0 },
    { ...terms, reported: { ...counts, tool: hostile } },
  )
  const response = lane.events.find(({ event }) => event.type === "llm_response")?.hash ?? null
  const calls = [
    { span_sha256: digest("span 1"), verdict: "correlated", event_hash: response } as const,
    { span_sha256: digest("span 2"), verdict: "no-receipt", event_hash: null } as const,
    { span_sha256: digest("span 3"), verdict: "body-mismatch", event_hash: null } as const,
  ]
  lane.record("trace_claim", { source_sha256: digest("trace"), calls }, terms)
}

/** The four cases as this program makes them now. */
export function surveyVectors(): readonly SurveyCase[] {
  return stories.map(({ name, why, story }) => {
    const input = record(story)
    const report = scoreRun(input)
    return { name, why, report, survey: surveyRun(input, report) }
  })
}

export function readSurveyVectors(): readonly SurveyCase[] {
  return JSON.parse(readFileSync(vectorsFile, "utf8")) as readonly SurveyCase[]
}

/** `node packages/score/src/survey-vectors.fixture.ts` writes spec/vectors/survey.json anew. */
if (import.meta.main) writeFileSync(vectorsFile, `${JSON.stringify(surveyVectors(), null, 1)}\n`)
