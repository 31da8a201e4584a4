import * as fc from "fast-check"
import { expect, test } from "vitest"
import { WireReader, type WireRequest } from "./wire-reader.ts"

function read(text: string, cuts: readonly number[] = []): WireRequest {
  const reader = new WireReader()
  const bytes = Buffer.from(text)
  let at = 0
  for (const cut of cuts) reader.push(bytes.subarray(at, (at += cut)))
  reader.push(bytes.subarray(at))
  return reader.end()
}

const plain = { isReadable: true, maxTokens: null, answers: 1, tools: [], isInputElsewhere: false }

test.each([
  {
    why: "OpenAI chat",
    body: { model: "m", max_completion_tokens: 9, n: 2, temperature: 0.5, store: false },
    wants: { ...plain, model: "m", maxTokens: 9, answers: 2, temperatures: [0.5] },
  },
  {
    why: "OpenAI chat with tools",
    body: {
      model: "m",
      tools: [
        {
          type: "function",
          function: {
            name: "read",
            parameters: { type: "object", properties: { name: { type: "string" } } },
          },
        },
        { type: "custom", custom: { name: "shell" } },
      ],
    },
    wants: { ...plain, model: "m", tools: ["read", "shell"] },
  },
  {
    why: "OpenAI responses with tools of the provider's own",
    body: {
      model: "m",
      max_output_tokens: 5,
      tools: [
        { type: "function", name: "read" },
        { type: "web_search" },
        { type: "mcp", server_label: "docs" },
      ],
    },
    wants: { ...plain, maxTokens: 5, tools: ["read", "web_search", "mcp", "docs"] },
  },
  {
    why: "Anthropic",
    body: {
      model: "m",
      max_tokens: 7,
      tools: [
        { name: "read", input_schema: { type: "object" } },
        { type: "bash_20250124", name: "bash" },
      ],
    },
    wants: { ...plain, maxTokens: 7, tools: ["read", "bash_20250124", "bash"] },
  },
  {
    why: "Gemini",
    body: {
      contents: [],
      generationConfig: { maxOutputTokens: 3, temperature: 1, candidateCount: 2 },
      tools: [{ functionDeclarations: [{ name: "a" }, { name: "b" }] }, { googleSearch: {} }],
    },
    wants: { ...plain, model: null, maxTokens: 3, answers: 2, tools: ["a", "b", "googleSearch"] },
  },
  {
    why: "Ollama",
    body: { model: "m", options: { num_predict: 4, temperature: 0 } },
    wants: { ...plain, maxTokens: 4, temperatures: [0] },
  },
  {
    why: "Ollama without a limit",
    body: { model: "m", options: { num_predict: -1 } },
    wants: { ...plain, maxTokens: Infinity },
  },
  {
    why: "Bedrock",
    body: {
      inferenceConfig: { maxTokens: 6 },
      toolConfig: { tools: [{ toolSpec: { name: "t" } }] },
    },
    wants: { ...plain, maxTokens: 6, tools: ["t"] },
  },
  {
    why: "Ollama with a limit of zero, which is none there",
    body: { model: "m", max_tokens: 9, options: { num_predict: 0 } },
    wants: { ...plain, maxTokens: Infinity },
  },
  {
    why: "Ollama in letters that Go takes for others",
    body: { model: "m", optionſ: { num_predict: 7 }, toolſ: [{ name: "shell" }] },
    wants: { ...plain, maxTokens: 7, tools: ["shell"] },
  },
  {
    why: "llama.cpp, where n_predict counts before max_tokens",
    body: { model: "m", max_tokens: 1, n_predict: 9 },
    wants: { ...plain, maxTokens: 9 },
  },
  {
    why: "TGI",
    body: { inputs: "x", max_tokens: 1, parameters: { max_new_tokens: 9 } },
    wants: { ...plain, maxTokens: 9 },
  },
  {
    why: "Bedrock with what goes on to the model",
    body: {
      inferenceConfig: { maxTokens: 6 },
      additionalModelRequestFields: { max_tokens: 9, tools: [{ type: "computer_1", name: "c" }] },
    },
    wants: { ...plain, maxTokens: 9, tools: ["computer_1", "c"] },
  },
  {
    why: "Gemini with one object of tools instead of a list",
    body: { tools: { functionDeclarations: [{ name: "a" }] } },
    wants: { tools: ["a"] },
  },
  {
    why: "Gemini with a tool of its own beside functions",
    body: { tools: [{ functionDeclarations: [{ name: "a" }], googleSearch: {} }] },
    wants: { tools: ["a", "googleSearch"] },
  },
  {
    why: "a namespace of functions in their older form",
    body: { tools: [{ type: "namespace", name: "n", tools: [{ function: { name: "a" } }] }] },
    wants: { tools: ["namespace", "n", "a"] },
  },
  {
    why: "tools that stand elsewhere than among the tools",
    body: {
      mcp_servers: [{ type: "url", url: "https://x", name: "docs" }],
      web_search_options: {},
    },
    wants: { tools: ["docs", "web_search_options"] },
  },
  {
    why: "a document at an address",
    body: { messages: [{ content: [{ source: { type: "url", url: "https://x/a.pdf" } }] }] },
    wants: { isInputElsewhere: true },
  },
  {
    why: "a tool's argument that is an address",
    body: { messages: [{ content: [{ input: { url: "https://x" } }] }] },
    wants: { isInputElsewhere: false },
  },
  {
    why: "a picture in the body",
    body: {
      messages: [
        { content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] },
      ],
    },
    wants: { isReadable: true },
  },
  {
    why: "an earlier answer",
    body: { previous_response_id: "r1" },
    wants: { isInputElsewhere: true },
  },
])("reads what $why asks for", ({ body, wants }) => {
  expect(read(JSON.stringify(body))).toMatchObject(wants)
})

test.each([
  { why: "a model is named twice", text: '{"model":"a","model":"b"}' },
  {
    why: "a model is named in two spellings, which some servers take for one",
    text: '{"model":"a","Model":"b"}',
  },
  { why: "a model is named again in escapes", text: '{"model":"a","mod\\u0065l":"b"}' },
  { why: "a model is no text", text: '{"model":["a"]}' },
  { why: "the tools are there twice", text: '{"tools":[],"tools":[{"name":"x"}]}' },
  { why: "the most tokens are no number", text: '{"max_tokens":"9"}' },
  { why: "a temperature is no number", text: '{"temperature":"hot"}' },
  { why: "it is many requests at once", text: '{"requests":[{"params":{"model":"a"}}]}' },
  { why: "it is a batch of Gemini's", text: '{"batch":{"inputConfig":{}}}' },
  { why: "it is cut", text: '{"model":"a"' },
  { why: "it is two objects", text: '{"model":"a"}{"model":"b"}' },
  { why: "it is an array", text: '[{"model":"a"}]' },
  { why: "it is a form", text: "model=a" },
  { why: "it is nothing", text: "" },
])("is not readable when $why", ({ text }) => {
  expect(read(text).isReadable).toBe(false)
})

test("of two limits the wider counts, and of two names of one tool both", () => {
  const text = '{"max_tokens":1,"max_completion_tokens":9,"tools":[{"name":"a","name":"b"}]}'
  expect(read(text)).toMatchObject({ maxTokens: 9, tools: ["a", "b"] })
})

test("any bytes in any pieces give what the whole gives, and nothing throws", () => {
  const text = fc.oneof(fc.json(), fc.string(), fc.constant('{"model":"a","tools":[{"name":"x"}]}'))
  fc.assert(
    fc.property(text, fc.array(fc.nat(9)), (source, cuts) => {
      expect(read(source, cuts)).toEqual(read(source))
    }),
  )
})
