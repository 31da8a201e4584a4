import { PassThrough } from "node:stream"
import { AmcError, type Recorder, utf8 } from "@amc/core"
import { SecretScanner } from "@amc/gateway"
import type { AgentExit, AgentProcess } from "@amc/sandbox"
import { expect, test } from "vitest"
import type { Capture } from "./capture.ts"
import type { OpenedSession } from "./opened-session.ts"
import { followAgent } from "./running-agent.ts"
import { listRecorder, sessionTerms } from "./session-terms.fixture.ts"

const secret = "sk-very-secret-value"

interface Staged extends AgentProcess {
  readonly stdout: PassThrough
  readonly stderr: PassThrough
  readonly kills: () => number
  exit(end: Partial<AgentExit>): void
}

/** An agent whose streams and end the test holds; to be killed ends it. */
function stagedAgent(): Staged {
  const { promise: exited, resolve } = Promise.withResolvers<AgentExit>()
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  let kills = 0
  const exit = (end: Partial<AgentExit>): void => {
    stdout.end()
    stderr.end()
    resolve({ code: 0, signal: null, timedOut: false, outOfMemory: false, ...end })
  }
  const kill = async (): Promise<void> => {
    kills++
    exit({ code: null, signal: "SIGTERM" })
  }
  return { pid: 7, stdin, stdout, stderr, exited, exit, kill, kills: () => kills }
}

function openedWith(
  recorder: Recorder,
  signal?: AbortSignal,
): OpenedSession & { audits: string[] } {
  const audits: string[] = []
  const terms = sessionTerms({ cwd: "/", ...(signal === undefined ? {} : { signal }) })
  return {
    audits,
    capture: { recorder, clock: () => 5 } as unknown as Capture,
    terms,
    session: "s1",
    gateway: { secrets: new SecretScanner([utf8(secret)]) } as OpenedSession["gateway"],
    tripwires: null,
    work: "/",
    audit: async (code, detail) => void audits.push(`${code}: ${detail}`),
    record: (type, channel, measured) =>
      recorder.record({
        type,
        channel,
        agent: "a1",
        session: "s1",
        facts: { measured, reported: {} },
      } as never),
  }
}

test.each<{ why: string; end: Partial<AgentExit>; exitCode: number; reason: string }>([
  { why: "ends well", end: {}, exitCode: 0, reason: "exited" },
  { why: "fails", end: { code: 9 }, exitCode: 9, reason: "exited" },
  {
    why: "is ended by a signal",
    end: { code: null, signal: "SIGSEGV" },
    exitCode: 139,
    reason: "exited",
  },
  {
    why: "takes too long",
    end: { code: null, signal: "SIGKILL", timedOut: true },
    exitCode: 137,
    reason: "timeout",
  },
])(
  "an agent that $why has the shell's exit code and its end in the record",
  async ({ end, exitCode, reason }) => {
    const [agent, recorder] = [stagedAgent(), listRecorder()]
    const following = followAgent(openedWith(recorder), agent, 1000)
    agent.stdout.write("hello")
    agent.exit(end)
    expect(await following).toMatchObject({ exitCode, reason })
    const types = recorder.observations.map(({ type }) => type)
    expect(types).toEqual(["agent_process_started", "agent_stdout", "agent_process_exited"])
    expect(recorder.observations.at(-1)?.facts.measured).toMatchObject({
      stdout_bytes: 5,
      stderr_bytes: 0,
    })
  },
)

test("secrets in the output are audited once, and none without one", async () => {
  const [agent, opened] = [stagedAgent(), openedWith(listRecorder())]
  const following = followAgent(opened, agent, 1000)
  agent.stdout.write(`${secret} ${secret}`)
  agent.stderr.write(secret)
  agent.exit({})
  await following
  expect(opened.audits).toEqual(["SECRET_SEEN: known secrets in the agent's output: 3"])
  const quiet = [stagedAgent(), openedWith(listRecorder())] as const
  quiet[0].exit({})
  await followAgent(quiet[1], quiet[0], 1000)
  expect(quiet[1].audits).toEqual([])
})

test("output that can't be recorded ends the agent while it runs", async () => {
  const list = listRecorder()
  const recorder: Recorder = {
    record: (observation) =>
      observation.type === "agent_stdout"
        ? Promise.reject(new AmcError("store/unavailable", "the disk is full"))
        : list.record(observation),
  }
  const agent = stagedAgent()
  const following = followAgent(openedWith(recorder), agent, 1000)
  agent.stdout.write(Buffer.alloc(200_000))
  await expect(following).rejects.toMatchObject({ code: "store/unavailable" })
  expect(agent.kills()).toBe(1)
})

test("an interrupted session ends the agent and says so", async () => {
  const stop = new AbortController()
  const agent = stagedAgent()
  const following = followAgent(openedWith(listRecorder(), stop.signal), agent, 1000)
  stop.abort()
  expect(await following).toMatchObject({ reason: "interrupted", exitCode: 143 })
  expect(agent.kills()).toBe(1)
})

test("a stop that came before the agent began ends it at once", async () => {
  const agent = stagedAgent()
  const opened = openedWith(listRecorder(), AbortSignal.abort())
  expect(await followAgent(opened, agent, 1000)).toMatchObject({ reason: "interrupted" })
  expect(agent.kills()).toBe(1)
})

test("an agent that was ended for its use of the disk is past its limits", async () => {
  const [agent, opened] = [stagedAgent(), openedWith(listRecorder())]
  const following = followAgent(opened, agent, 1000)
  agent.exit({ code: null, signal: "SIGKILL", exceeded: "the work folder has 9 bytes" })
  expect(await following).toMatchObject({ reason: "timeout", exitCode: 137 })
  expect(opened.audits).toEqual(["SESSION_LIMIT_EXCEEDED: the work folder has 9 bytes"])
})
