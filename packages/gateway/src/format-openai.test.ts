import * as fc from "fast-check"
import { expect, test } from "vitest"
import { eventsOf as events, readAnswer, readRequest as request } from "./reading.fixture.ts"

function respond(
  format: "openai.chat" | "openai.responses",
  body: string,
  isStream: boolean,
  cuts: readonly number[] = [],
) {
  return readAnswer(format, isStream ? "text/event-stream" : "application/json", body, { cuts })
}

const call = (more: object) => ({ choices: [{ index: 0, delta: { tool_calls: [more] } }] })

test.each([
  {
    why: "a chat",
    path: "/v1/chat/completions",
    body: '{"model":"m","stream":true,"tools":[{},{"a":[]}]}',
    facts: { format: "openai.chat", model: "m", stream: true, tools: 2 },
  },
  {
    why: "responses",
    path: "/responses",
    body: '{"tools":[],"model":"m"}',
    facts: { format: "openai.responses", model: "m", stream: false, tools: 0 },
  },
  {
    why: "a namespace of tools",
    path: "/responses",
    body: '{"tools":[{"type":"namespace","tools":[{},{}]},{"type":"web_search"}]}',
    facts: { format: "openai.responses", tools: 3 },
  },
  {
    why: "a name with escapes",
    path: "/responses",
    body: '{"m\\u006fdel":"\\ud83d\\ude00"}',
    facts: { model: "😀" },
  },
  {
    why: "members that only lie deeper",
    path: "/responses",
    body: '{"metadata":{"model":"no","stream":true,"tools":[1]}}',
    facts: { model: "", stream: false, tools: 0 },
  },
  {
    why: "members of another type",
    path: "/responses",
    body: '{"model":7,"stream":"true","tools":{"0":1}}',
    facts: { model: "", stream: false, tools: 0 },
  },
  { why: "another path", path: "/v1/files", body: "not json", facts: { format: "other" } },
])("reads the facts of a request with $why", ({ path, body, facts }) => {
  expect(request(path, body)).toMatchObject({ truncated: false, reported: facts })
})

test.each([
  { why: "broken JSON", body: '{"model":"m"', expected: { format: "other", model: "" } },
  { why: "an empty body", body: "", expected: { format: "other" } },
  {
    why: "a model name of 300 characters",
    body: JSON.stringify({ model: "m".repeat(300) }),
    expected: { model: "m".repeat(200) },
  },
])("marks the facts of $why as incomplete", ({ body, expected }) => {
  expect(request("/chat/completions", body)).toMatchObject({ truncated: true, reported: expected })
})

test("replaces lone surrogates and redacts secrets in what it reports", () => {
  expect(request("/responses", '{"model":"\\ud800x"}').reported.model).toBe("\ufffdx")
  expect(request("/responses", '{"model":"sk-secret-key"}').reported.model).toBe("*".repeat(13))
  expect(request("/sk-secret-key/responses", "{}").reported.path).toBe(
    `/${"*".repeat(13)}/responses`,
  )
})

test.each([
  {
    why: "no usage",
    body: {},
    expected: { input_tokens: -1, output_tokens: -1, tool_calls: 0, model: "" },
    truncated: false,
  },
  {
    why: "usage of zero",
    body: { usage: { prompt_tokens: 0, completion_tokens: -0 } },
    expected: { input_tokens: 0, output_tokens: 0 },
    truncated: false,
  },
  { why: "usage of null", body: { usage: null }, expected: { input_tokens: -1 }, truncated: false },
  {
    why: "a fraction of a token",
    body: { usage: { prompt_tokens: 1.5, completion_tokens: 2 } },
    expected: { input_tokens: -1, output_tokens: 2 },
    truncated: true,
  },
  {
    why: "more tokens than an integer holds",
    body: { usage: { prompt_tokens: 1e300 } },
    expected: { input_tokens: -1 },
    truncated: true,
  },
  {
    why: "tokens as text",
    body: { usage: { prompt_tokens: "12" } },
    expected: { input_tokens: -1 },
    truncated: true,
  },
  {
    why: "70 tools",
    body: {
      choices: [
        {
          message: {
            tool_calls: Array.from({ length: 70 }, (_, n) => ({ function: { name: `t${n}` } })),
          },
        },
      ],
    },
    expected: { tool_calls: 70 },
    truncated: true,
  },
  {
    why: "the same tool twice",
    body: {
      choices: [
        { message: { tool_calls: [{ custom: { name: "a" } }, { function: { name: "a" } }] } },
      ],
    },
    expected: { tool_calls: 2, tool_names: ["a"] },
    truncated: false,
  },
])("reads a chat completion with $why", ({ body, expected, truncated }) => {
  const facts = respond("openai.chat", JSON.stringify(body), false)
  expect(facts.reported).toMatchObject(expected)
  expect(facts.truncated).toBe(truncated)
  expect(facts.reported.tool_names.length).toBeLessThanOrEqual(64)
})

test("a frame with an object in place of its choices tells nothing, and leaves nothing to the next", () => {
  const named = (choices: object): string => `data: ${JSON.stringify({ choices })}\n\n`
  const calls = (name: string): object => ({ delta: { tool_calls: [{ function: { name } }] } })
  const frames = [
    named({ "-1": { index: 7 } }),
    named({ "-1": calls("one") }),
    named([{ index: 7, ...calls("two") }]),
  ]
  const { reported } = respond("openai.chat", frames.join(""), true)
  expect(reported).toMatchObject({ tool_calls: 1, tool_names: ["two"] })
})

test.each([
  {
    why: "usage beside choices",
    body: events(
      {
        usage: { prompt_tokens: 1, completion_tokens: 2 },
        choices: [{ index: 0, delta: {}, finish_reason: "stop" }],
      },
      "[DONE]",
    ),
    expected: { input_tokens: 1, output_tokens: 2, finish_reason: "stop" },
  },
  {
    why: "running usage, of which the last counts",
    body: events(
      { usage: { prompt_tokens: 1, completion_tokens: 1 } },
      { usage: { prompt_tokens: 1, completion_tokens: 9 } },
      { usage: null },
    ),
    expected: { output_tokens: 9 },
  },
  {
    why: "a name that each piece repeats",
    body: events(
      call({ index: 0, id: "a", function: { name: "x" } }),
      call({ index: 0, id: "a", function: { name: "x" } }),
    ),
    expected: { tool_calls: 1 },
  },
  {
    why: "calls told apart by their index",
    body: events(
      call({ index: 0, function: { name: "x" } }),
      call({ index: 1, function: { name: "y" } }),
    ),
    expected: { tool_calls: 2, tool_names: ["x", "y"] },
  },
  {
    why: "CRLF, comments, other fields and no last blank line",
    body: ': ping\r\nevent: x\r\nid: 1\r\ndata:{"model":\r\ndata: "m"}\r\n\r\ndata: {"choices":[{"finish_reason":"stop"}]}',
    expected: { model: "m", finish_reason: "stop" },
  },
  {
    why: "a byte order mark and lone CRs",
    body: '\ufeffdata: {"model":"m"}\r\rdata: [DONE]\r\r',
    expected: { model: "m" },
  },
])("reads a streamed chat with $why", ({ body, expected }) => {
  const facts = respond("openai.chat", body, true)
  expect(facts.reported).toMatchObject(expected)
  expect(facts.truncated).toBe(false)
})

const item = (id: string, name: string) => ({ type: "function_call", id, name })
test.each([
  {
    why: "items only",
    body: events(
      { type: "response.output_item.added", item: item("1", "a") },
      { type: "response.output_item.done", item: item("1", "a") },
      { type: "response.output_item.done", item: { type: "web_search_call", id: "2" } },
    ),
    expected: { tool_calls: 2, tool_names: ["a", "web_search_call"] },
  },
  {
    why: "items and a last event that repeats them",
    body: events(
      { type: "response.output_item.done", item: item("1", "a") },
      {
        type: "response.completed",
        response: {
          status: "incomplete",
          model: "m",
          output: [item("1", "a"), { type: "message" }],
          usage: { input_tokens: 4, output_tokens: 5 },
        },
      },
    ),
    expected: {
      tool_calls: 1,
      finish_reason: "incomplete",
      input_tokens: 4,
      output_tokens: 5,
      model: "m",
    },
  },
  {
    why: "a last event far over 64 KiB",
    body: events({
      type: "response.completed",
      response: {
        instructions: 'x"\\'.repeat(100_000),
        usage: { input_tokens: 4, output_tokens: 5 },
      },
    }),
    expected: { input_tokens: 4 },
  },
])("reads a streamed response with $why", ({ body, expected }) => {
  const facts = respond("openai.responses", body, true)
  expect(facts.reported).toMatchObject(expected)
  expect(facts.truncated).toBe(false)
})

test("an event that is not JSON marks the facts as incomplete and changes none of them", () => {
  const facts = respond("openai.chat", events({ model: "m" }, '{"model":"n"', "[DONE]"), true)
  expect(facts).toMatchObject({ truncated: true, reported: { model: "m" } })
})

test("a stream that is cut tells what came before", () => {
  const body = 'data: {"model":"m"}\n\ndata: {"usage":{"prompt'
  expect(readAnswer("openai.chat", "text/event-stream", body, { isWhole: false })).toMatchObject({
    truncated: false,
    reported: { model: "m", input_tokens: -1 },
  })
})

const whole =
  '\ufeff: hi\r\nevent: chunk\ndata: {"model":"gpt-é","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"r\\u00e9ad"}}]}}]}\r\n\r\rdata: {"usage":{"prompt_tokens":12,"completion_tokens":34}}\n\ndata: [DONE]\n\n'

test("a stream that is cut at any byte gives the same facts", () => {
  const expected = respond("openai.chat", whole, true)
  expect(expected).toMatchObject({
    truncated: false,
    reported: { model: "gpt-é", tool_names: ["réad"], input_tokens: 12 },
  })
  for (let cut = 0; cut <= Buffer.byteLength(whole); cut++)
    expect(respond("openai.chat", whole, true, [cut])).toEqual(expected)
  expect(respond("openai.chat", whole, true, Array(500).fill(1))).toEqual(expected)
  fc.assert(
    fc.property(fc.array(fc.nat(30)), (cuts) => {
      expect(respond("openai.chat", whole, true, cuts)).toEqual(expected)
    }),
  )
})
