import { createHash } from "node:crypto"

/** What one exchange was as the client got it. */
interface Exchange {
  readonly path: string
  readonly status: number
  readonly response_sha256: string
  readonly call_id: string | null
}

const exchanges: Exchange[] = []
const plainFetch = globalThis.fetch

/** Every SDK asks by this one, which keeps the digest of the very bytes that it gets. */
globalThis.fetch = async (input, init) => {
  const answer = await plainFetch(input, init)
  const bytes = new Uint8Array(await answer.clone().arrayBuffer())
  const url = typeof input === "string" ? input : input instanceof URL ? input.href : input.url
  exchanges.push({
    path: new URL(url).pathname,
    status: answer.status,
    response_sha256: createHash("sha256").update(bytes).digest("hex"),
    call_id: answer.headers.get("x-amc-request-id"),
  })
  return answer
}

const prompt = "What is the weather?"
const schema = { type: "object" as const, properties: {} }
const tool = { name: "get_weather", description: "Tells the weather." }

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

const tours: Readonly<Record<string, () => Promise<unknown[]>>> = {
  async openai() {
    const { OpenAI, AzureOpenAI } = await import("openai")
    const client = new OpenAI()
    const azure = new AzureOpenAI({ baseURL: "", apiVersion: "2026-01-01" })
    const ask = {
      model: "asked-1",
      messages: [{ role: "user" as const, content: prompt }],
    }
    return [
      await client.embeddings.create({ model: "asked-1", input: "x", encoding_format: "float" }),
      (await azure.chat.completions.create(ask)).choices[0]?.message.content,
      await client.chat.completions
        .stream({
          ...ask,
          stream_options: { include_usage: true },
          tools: [{ type: "function", function: { ...tool, parameters: schema } }],
        })
        .finalChatCompletion()
        .then(({ choices }) => choices[0]?.message.tool_calls?.length),
    ]
  },

  async anthropic() {
    const { Anthropic } = await import("@anthropic-ai/sdk")
    const client = new Anthropic()
    const messages = [{ role: "user" as const, content: prompt }]
    const ask = { model: "asked-1", max_tokens: 64, messages }
    return [
      (await client.messages.create(ask)).content[0]?.type,
      (await client.messages.stream(ask).finalMessage()).content[0]?.type,
      (
        await client.messages
          .stream({ ...ask, tools: [{ ...tool, input_schema: schema }] })
          .finalMessage()
      ).stop_reason,
      (await client.messages.countTokens({ model: "asked-1", messages })).input_tokens,
    ]
  },

  async gemini() {
    const { GoogleGenAI } = await import("@google/genai")
    const client = new GoogleGenAI({})
    const ask = { model: "asked-1", contents: prompt }
    const withTools = { ...ask, config: { tools: [{ functionDeclarations: [tool] }] } }
    return [
      (await client.models.generateContent(ask)).text,
      (await all(await client.models.generateContentStream(ask))).at(-1)?.text,
      (await all(await client.models.generateContentStream(withTools))).at(-1)?.functionCalls
        ?.length,
      (await client.models.countTokens(ask)).totalTokens,
    ]
  },

  async ollama() {
    const { Ollama } = await import("ollama")
    const { OLLAMA_HOST = "", OLLAMA_API_KEY = "" } = process.env
    const headers = { authorization: `Bearer ${OLLAMA_API_KEY}` }
    const client = new Ollama({ host: OLLAMA_HOST, headers })
    const ask = { model: "asked-1", messages: [{ role: "user", content: prompt }] }
    const tools = [{ type: "function", function: { ...tool, parameters: schema } }]
    return [
      (await client.chat(ask)).message.content,
      (await all(await client.chat({ ...ask, stream: true }))).length,
      (await all(await client.chat({ ...ask, stream: true, tools }))).length,
      (await client.generate({ model: "asked-1", prompt })).response,
    ]
  },

  async ai() {
    const { generateText, jsonSchema, streamText, tool: makeTool } = await import("ai")
    const { createOpenAI } = await import("@ai-sdk/openai")
    const { chat } = createOpenAI()
    const model = chat("asked-1")
    const inputSchema = jsonSchema<object>(schema)
    const get_weather = makeTool({ ...tool, inputSchema, execute: async () => "sunny" })
    return [
      (await generateText({ model, prompt })).text,
      await streamText({ model, prompt }).text,
      (await generateText({ model, prompt, tools: { get_weather } })).toolCalls.length,
    ]
  },

  async agents() {
    const sdk = await import("@openai/agents")
    sdk.setTracingDisabled(true)
    const get_weather = sdk.tool({
      ...tool,
      parameters: { ...schema, required: [], additionalProperties: true },
      strict: false,
      execute: async () => "sunny",
    })
    const agent = new sdk.Agent({ name: "tourist", model: "asked-1", tools: [get_weather] })
    const plain = new sdk.Agent({ name: "plain", model: "asked-1" })
    const streamed = await sdk.run(plain, prompt, { stream: true })
    await streamed.completed
    return [streamed.finalOutput, (await sdk.run(agent, prompt)).finalOutput]
  },

  async langchain() {
    const { ChatOpenAI } = await import("@langchain/openai")
    const model = new ChatOpenAI({ model: "asked-1" })
    const bound = model.bindTools([{ type: "function", function: { ...tool, parameters: schema } }])
    return [
      (await model.invoke(prompt)).text,
      (await all(await model.stream(prompt))).map(({ text }) => text).join(""),
      (await bound.invoke(prompt)).tool_calls?.length,
    ]
  },
}

const said: Record<string, unknown[]> = {}
for (const name of process.argv.slice(2)) {
  const tour = tours[name]
  if (tour === undefined) throw new Error(`no such tour: ${name}`)
  said[name] = await tour()
}

/** The receipts of each call, as the gateway gives them to the lease that made it. */
async function receipts(): Promise<unknown[]> {
  const { OPENAI_BASE_URL = "", OPENAI_API_KEY = "" } = process.env
  const origin = new URL(OPENAI_BASE_URL).origin
  const headers = { authorization: `Bearer ${OPENAI_API_KEY}` }
  return Promise.all(
    exchanges.map(async ({ call_id }) =>
      (await plainFetch(`${origin}/amc/receipts/${call_id}`, { headers })).json(),
    ),
  )
}

console.log(JSON.stringify({ said, exchanges, receipts: await receipts() }))
