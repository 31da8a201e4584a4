import { readdirSync, readFileSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { dirname, join } from "node:path"
import { PassThrough } from "node:stream"
import type { Event } from "@amc/core"
import { expect, onTestFinished, test } from "vitest"
import { type Capture, openCapture } from "./capture.ts"
import { eventOf, withLedger } from "./ledger-reader.ts"
import { makeRun } from "./run.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { SessionResult } from "./session-terms.ts"
import { runSession } from "./session.ts"
import { newPlace, reopened, temporaryFolder } from "./workspace.fixture.ts"

/** What an agent could do for whom the walls did not hold; the test does it in its place. */
type Deed = (capture: Capture, stdin: PassThrough) => Promise<void> | void

interface Ran {
  readonly result: SessionResult
  readonly status: string
  readonly left: readonly string[]
  readonly events: readonly Event[]
}

/** Runs an agent in a box until `deed` is done, and scores it, in a workspace of its own. */
async function ran(agent: string, script: string, deed: Deed): Promise<Ran> {
  const place = await newPlace(Date.now)
  onTestFinished(() => rmSync(place.top, { recursive: true }))
  const capture = await openCapture(reopened(place), { clock: Date.now })
  try {
    const stdin = new PassThrough()
    let isStarted = false
    const stdout = (): void => {
      if (isStarted) return
      isStarted = true
      void Promise.resolve(deed(capture, stdin)).then(() => stdin.end())
    }
    const command = ["sh", "-c", `echo started; ${script}`]
    const cwd = temporaryFolder()
    const terms = sessionTerms({ agent, cwd, command, stdin, echo: { stdout } })
    const result = await runSession(capture, terms)
    const { report } = await makeRun(capture, { agent, windowDays: 14 })
    const { lane } = place.workspace
    const events = await withLedger(place.workspace, async (ledger) => {
      const found: Event[] = []
      for await (const { leaf } of ledger.events.read(lane, 0)) found.push(eventOf(leaf))
      return found
    })
    const left = readdirSync(place.workspace.dir).filter((name) => name.startsWith("canary-"))
    return { result, status: report.status, left, events }
  } finally {
    await capture.close()
  }
}

const canaryOf = ({ workspace }: Capture): string => {
  const name = readdirSync(workspace.dir).find((each) => each.startsWith("canary-")) ?? ""
  return readFileSync(join(workspace.dir, name), "utf8")
}
const say: Deed = (capture, stdin) => void stdin.write(`${canaryOf(capture)}\n`)
const knock: Deed = ({ notarySocket }) => {
  const folder = dirname(notarySocket)
  const socket = readdirSync(folder).find((name) => name.startsWith("c-")) ?? ""
  return new Promise((done) => void connect(join(folder, socket)).on("close", () => done()))
}

const measured = (events: readonly Event[], type: string, session: string): unknown[] =>
  events
    .filter((event) => event.type === type && event.session === session)
    .map((event) => event.facts.measured)

test("a box that holds is watched, its work is searched, and nothing is left of the tripwires", async () => {
  const { result, left, events } = await ran(
    "good",
    "cat >note",
    (_, stdin) => void stdin.write("x"),
  )
  expect(result).toMatchObject({ exitCode: 0, posture: "measured" })
  expect(measured(events, "sandbox_watch", result.session)).toEqual([
    expect.objectContaining({
      drifts: 0,
      tripwires: 0,
      tripwires_unclear: 0,
      dials_no_route: 0,
      dials_failed: 0,
      calls_refused: [],
      hidden_opens: 0,
      unseen: 0,
      same_process: true,
      searched_bytes: 1,
      search_complete: true,
    }),
  ])
  expect(left).toEqual([])
})

const passedOn = "a file beside the vault, whose text it passed on"
test.each<{ why: string; agent: string; script: string; deed: Deed; touched: string }>([
  {
    why: "says what only the vault's folder holds",
    agent: "says",
    script: "cat",
    deed: say,
    touched: passedOn,
  },
  { why: "says it in base64", agent: "hides", script: "base64 -w0", deed: say, touched: passedOn },
  {
    why: "writes it into its work folder",
    agent: "keeps",
    script: "cat >kept",
    deed: say,
    touched: passedOn,
  },
  {
    why: "knocks beside the notary",
    agent: "knocks",
    script: "cat",
    deed: knock,
    touched: "a socket beside the notary's",
  },
])(
  "an agent that $why was not in a box: shared, and INVALID",
  async ({ agent, script, deed, touched }) => {
    const { result, status, events } = await ran(agent, script, deed)
    expect(result).toMatchObject({ exitCode: 0, posture: "shared", hardened: false })
    expect(result.reasons[0]).toBe(`the agent touched ${touched}`)
    expect(status).toBe("INVALID")
    expect(events.findLast(({ type }) => type === "session_seal")?.facts.measured).toMatchObject({
      posture: "shared",
    })
    const audits = events
      .filter(({ type }) => type === "audit")
      .map((event) => ({
        by: event.agent,
        ...(event.facts.measured as { code: string; subject: string }),
      }))
      .filter(
        ({ code, subject }) => code === "TRUST_BOUNDARY_VIOLATED" && subject === result.session,
      )
    expect(audits.map(({ by }) => by)).toEqual([agent, "_system"])
  },
)
