/** One message of a chat, as the API has it. */
export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool"
  readonly content: string
  readonly tool_call_id?: string
}

/** Where the gateway is, and what the agent was given for a key. */
export const baseUrl: string = process.env["OPENAI_BASE_URL"] ?? ""
export const lease: string = process.env["OPENAI_API_KEY"] ?? ""

/** Calls the model; a busy provider is asked again once it said that it may be. */
export async function callModel(
  messages: readonly Message[],
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const answer = await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${lease}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "gpt-4.1-mini", messages }),
  })
  const seconds = Number(answer.headers.get("retry-after") ?? "0")
  if (answer.status !== 429 || seconds === 0) return answer
  await answer.arrayBuffer()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000 + 50))
  return callModel(messages, headers)
}
