import type { Conversation, Reply } from "./conversation.ts"

/** What a call used, in words. */
export interface Usage {
  readonly input: number
  readonly output: number
}

/**
 * Counts a call. A script has no tokenizer, so one token is one word between white space: on the way in,
 * of every message, tool call argument and tool result; on the way out, of the text and the arguments.
 */
export function usageOf(conversation: Conversation, reply: Reply): Usage {
  const output = [reply.text, ...reply.calls.map((call) => call.arguments)]
  return { input: words(conversation.texts), output: words(output) }
}

function words(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + (text.match(/\S+/g)?.length ?? 0), 0)
}
