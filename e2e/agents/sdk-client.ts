import { createHash } from "node:crypto"
import OpenAI from "openai"

/** What one exchange was as the SDK sent and got it. */
interface Exchange {
  readonly path: string
  readonly status: number
  readonly request_sha256: string
  readonly response_sha256: string
  readonly call_id: string | null
  readonly headers: Readonly<Record<string, string>>
}

const exchanges: Exchange[] = []

/** Gives the SDK its answer and keeps the digest of the very bytes. */
async function measured(url: Parameters<typeof fetch>[0], init?: RequestInit): Promise<Response> {
  const answer = await fetch(url, init)
  const bytes = new Uint8Array(await answer.clone().arrayBuffer())
  exchanges.push({
    path: new URL(String(url)).pathname.replace(/^.*\/v1\//, ""),
    status: answer.status,
    request_sha256: sha256(String(init?.body)),
    response_sha256: sha256(bytes),
    call_id: answer.headers.get("x-amc-request-id"),
    headers: Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith("x-amc-"))),
  })
  return answer
}

function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex")
}

const client = new OpenAI({ fetch: measured, maxRetries: 2 })
const messages = [{ role: "user" as const, content: "Say hello: ä, 😀, \u0000." }]
const model = "gpt-4.1-mini"

const said = [
  (await client.chat.completions.create({ model, messages })).choices[0]?.message.content,
  (
    await client.chat.completions
      .stream({ model, messages, stream_options: { include_usage: true } })
      .finalChatCompletion()
  ).choices[0]?.message.content,
  (await client.responses.create({ model, input: "Say hello." })).output_text,
  (await client.responses.stream({ model, input: "Say hello, streamed." }).finalResponse())
    .output_text,
]

/** The receipts of each call, as the gateway gives them to the lease that made it. */
async function receipts(): Promise<unknown[]> {
  const origin = new URL(client.baseURL).origin
  const headers = { authorization: `Bearer ${client.apiKey}` }
  return Promise.all(
    exchanges.map(async ({ call_id }) =>
      call_id === null
        ? null
        : (await fetch(`${origin}/amc/receipts/${call_id}`, { headers })).json(),
    ),
  )
}

console.log(JSON.stringify({ said, exchanges, receipts: await receipts() }))
