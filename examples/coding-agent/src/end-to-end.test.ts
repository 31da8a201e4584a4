import { startModelServer } from "@amc/example-model-server"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { text } from "node:stream/consumers"
import OpenAI from "openai"
import { expect, onTestFinished, test } from "vitest"
import { work } from "./agent.ts"
import { taskOfSession } from "./task.ts"

const example = join(import.meta.dirname, "..")
const apiKey = "test-key"

interface Ended {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

async function run(script: string, cwd: string, env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [join(example, script)], {
    cwd,
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  const [[exit], out, err] = await Promise.all([
    once(child, "exit") as Promise<[number | null]>,
    text(child.stdout),
    text(child.stderr),
  ])
  return { exit, out, err }
}

function workFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "coding-agent-"))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  cpSync(join(example, "work"), folder, { recursive: true })
  return folder
}

async function serve(): Promise<string> {
  const server = await startModelServer({ apiKey })
  onTestFinished(() => server.close())
  return `${server.url}/v1`
}

async function session(baseURL: string, number: number, stream?: string): Promise<void> {
  const folder = workFolder()
  const env = { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: baseURL, AMC_SESSION: `${number}` }
  const before = await run("check/check.ts", folder, env)
  const agent = await run(
    "src/main.ts",
    folder,
    stream === undefined ? env : { ...env, STREAM: stream },
  )
  const after = await run("check/check.ts", folder, env)
  expect({ before: before.exit, agent: agent.exit, after: after.exit, err: agent.err }).toEqual({
    before: 1,
    agent: 0,
    after: 0,
    err: "",
  })
  const streamed = stream === undefined ? number % 2 === 0 : stream === "1"
  expect(agent.out).toContain(`model gpt-4.1-mini, ${streamed ? "streamed" : "not streamed"}\n`)
  expect(agent.out).toMatch(/\nDONE: .*\n$/)
}

test("mends every task, streamed or not, and the owner's check agrees", async () => {
  const baseURL = await serve()
  const numbers = [1, 2, 3, 4, 5]
  await Promise.all([
    ...numbers.map((number) => session(baseURL, number)),
    ...numbers.map((number) => session(baseURL, number, number % 2 === 0 ? "0" : "1")),
  ])
})

test.each([{ stream: false }, { stream: true }])(
  "waits as long as it is told to, once per conversation, stream $stream",
  async ({ stream }) => {
    const answers: { status: number; sentAt: number; answeredAt: number }[] = []
    const recordingFetch = async (...args: Parameters<typeof fetch>): ReturnType<typeof fetch> => {
      const sentAt = performance.now()
      const answer = await fetch(...args)
      answers.push({ status: answer.status, sentAt, answeredAt: performance.now() })
      return answer
    }
    const client = new OpenAI({ apiKey, baseURL: await serve(), fetch: recordingFetch })
    const model = { client, name: "any", stream }
    const { done } = await work(model, taskOfSession(workFolder(), 1), () => undefined)
    expect(done).toBe(true)
    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200, 200, 200, 200])
    // A timer may fire a little early by this clock.
    expect(answers[2]!.sentAt - answers[1]!.answeredAt).toBeGreaterThan(990)
  },
)

test("ends with the model's reason when the model gives up", async () => {
  const folder = workFolder()
  rmSync(join(folder, "tasks/01-pagination/test"), { recursive: true })
  cpSync(join(folder, "tasks/02-cents/test"), join(folder, "tasks/01-pagination/test"), {
    recursive: true,
  })
  const env = { OPENAI_API_KEY: apiKey, OPENAI_BASE_URL: await serve() }
  const { exit, out } = await run("src/main.ts", folder, env)
  expect(exit).toBe(1)
  expect(out).toMatch(/\nGIVING UP: .*\n$/)
})

test.each([
  { why: "there is no key", env: {}, says: "OPENAI_API_KEY" },
  {
    why: "nothing listens",
    env: { OPENAI_API_KEY: "k", OPENAI_BASE_URL: "http://127.0.0.1:1/v1" },
    says: "no answer from http://127.0.0.1:1/v1",
  },
  {
    why: "the session is no number",
    env: { OPENAI_API_KEY: "k", AMC_SESSION: "one" },
    says: "whole number",
  },
])("fails with the reason when $why", async ({ env, says }) => {
  const { exit, err } = await run("src/main.ts", join(example, "work"), env)
  expect(exit).toBe(1)
  expect(err).toMatch(new RegExp(`^failed: .*${says}`))
})

test("fails with the reason when the key is wrong, and does not show it", async () => {
  const env = { OPENAI_API_KEY: "wrong-key-123", OPENAI_BASE_URL: await serve() }
  const { exit, out, err } = await run("src/main.ts", join(example, "work"), env)
  expect(exit).toBe(1)
  expect(err).toMatch(/^failed: 401 /)
  expect(out + err).not.toContain("wrong-key")
})
