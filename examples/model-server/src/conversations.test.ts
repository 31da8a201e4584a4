import OpenAI, { RateLimitError } from "openai"
import type {
  ChatCompletionMessage,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions"
import type { Response, ResponseInputItem } from "openai/resources/responses/responses"
import { expect, onTestFinished, test } from "vitest"
import { startModelServer } from "./server.ts"
import { scriptedTasks } from "./tasks.ts"

const names = ["list_files", "read_file", "write_file", "run_tests"]
const heading = "# Bookings that overlap are shown twice"
const expectedCalls = [
  ["list_files", "run_tests"],
  ["read_file", "read_file"],
  ["write_file"],
  ["run_tests"],
]

interface Client {
  readonly openai: OpenAI
  /** The status of every answer, refused ones too. */
  readonly statuses: number[]
}

async function start(): Promise<Client> {
  const apiKey = "test-key"
  const server = await startModelServer({ apiKey })
  onTestFinished(() => server.close())
  const statuses: number[] = []
  const recordingFetch = async (...args: Parameters<typeof fetch>): ReturnType<typeof fetch> => {
    const answer = await fetch(...args)
    statuses.push(answer.status)
    return answer
  }
  const baseURL = `${server.url}/v1`
  return { openai: new OpenAI({ apiKey, baseURL, fetch: recordingFetch }), statuses }
}

interface Transcript {
  readonly calls: string[][]
  readonly text: string | null
}

async function chat({ openai }: Client, stream: boolean, testResult: string): Promise<Transcript> {
  const messages: ChatCompletionMessageParam[] = [{ role: "user", content: heading }]
  const calls: string[][] = []
  for (;;) {
    const message = await chatTurn(openai, stream, messages)
    const called = (message.tool_calls ?? []).filter((call) => call.type === "function")
    if (called.length === 0) return { calls, text: message.content }
    calls.push(called.map((call) => call.function.name))
    messages.push({ role: "assistant", content: message.content, tool_calls: called })
    for (const { id } of called)
      messages.push({ role: "tool", tool_call_id: id, content: testResult })
  }
}

async function chatTurn(
  openai: OpenAI,
  stream: boolean,
  messages: ChatCompletionMessageParam[],
): Promise<ChatCompletionMessage> {
  const tools = names.map((name) => ({ type: "function" as const, function: { name } }))
  const request = { model: "any", messages, tools }
  const completion = stream
    ? await openai.chat.completions.stream(request).finalChatCompletion()
    : await openai.chat.completions.create(request)
  return completion.choices[0]!.message
}

async function respond({ openai }: Client, stream: boolean): Promise<Transcript> {
  const input: ResponseInputItem[] = [{ role: "user", content: heading }]
  const calls: string[][] = []
  for (;;) {
    const { output, output_text } = await responseTurn(openai, stream, input)
    const called = output.filter((item) => item.type === "function_call")
    if (called.length === 0) return { calls, text: output_text }
    calls.push(called.map((call) => call.name))
    input.push(...(output as ResponseInputItem[]))
    for (const { call_id } of called)
      input.push({ type: "function_call_output", call_id, output: "exit code 0\n" })
  }
}

async function responseTurn(
  openai: OpenAI,
  stream: boolean,
  input: ResponseInputItem[],
): Promise<Response> {
  const tools = names.map((name) => ({
    type: "function" as const,
    name,
    parameters: {},
    strict: false,
  }))
  const request = { model: "any", input, tools }
  return stream
    ? await openai.responses.stream(request).finalResponse()
    : await openai.responses.create(request)
}

test.each([{ stream: false }, { stream: true }])(
  "plays a whole task over chat completions, stream $stream",
  async ({ stream }) => {
    const client = await start()
    const { calls, text } = await chat(client, stream, "exit code 0\n")
    expect(calls).toEqual(expectedCalls)
    expect(text).toMatch(/^DONE: /)
    expect(client.statuses).toEqual([200, 429, 200, 200, 200, 200])
  },
)

test.each([{ stream: false }, { stream: true }])(
  "plays a whole task over responses, stream $stream",
  async ({ stream }) => {
    const client = await start()
    const { calls, text } = await respond(client, stream)
    expect(calls).toEqual(expectedCalls)
    expect(text).toMatch(/^DONE: /)
    expect(client.statuses).toEqual([200, 429, 200, 200, 200, 200])
  },
)

test("gives up when the tests still fail", async () => {
  const { text } = await chat(await start(), false, "exit code 1\nexit code 0\n")
  expect(text).toMatch(/^GIVING UP: /)
})

test("refuses the second turn of every conversation once, the same task again too", async () => {
  const client = await start()
  await chat(client, false, "exit code 0\n")
  await chat(client, true, "exit code 0\n")
  expect(client.statuses.filter((status) => status === 429)).toHaveLength(2)
})

test("says how long to wait when it refuses", async () => {
  const { openai } = await start()
  const refusal = await openai.chat.completions
    .create(
      {
        model: "any",
        messages: [
          { role: "user", content: "a" },
          { role: "assistant", content: "b" },
          { role: "user", content: "c" },
        ],
      },
      { maxRetries: 0 },
    )
    .catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(RateLimitError)
  expect((refusal as RateLimitError).headers.get("retry-after")).toBe("1")
})

test("no heading of a task is part of another's", () => {
  const headings = scriptedTasks.map((task) => task.heading)
  for (const one of headings) expect(headings.filter((other) => other.includes(one))).toEqual([one])
})
