import type OpenAI from "openai"
import type {
  ChatCompletionMessage,
  ChatCompletionMessageParam,
} from "openai/resources/chat/completions"
import { toolDefinitions } from "./tools.ts"

/** Which model to ask, by which client, and whether to take the answer as a stream. */
export interface Model {
  readonly client: OpenAI
  readonly name: string
  readonly stream: boolean
}

/** The model's next message. The SDK repeats a call that was refused for now, as long as it is told to wait. */
export async function nextMessage(
  { client, name, stream }: Model,
  messages: ChatCompletionMessageParam[],
): Promise<ChatCompletionMessage> {
  const request = { model: name, messages, tools: toolDefinitions }
  const completion = stream
    ? await client.chat.completions
        .stream({ ...request, stream_options: { include_usage: true } })
        .finalChatCompletion()
    : await client.chat.completions.create(request)
  const message = completion.choices[0]?.message
  if (message === undefined) throw new Error("the model gave no answer")
  return message
}
