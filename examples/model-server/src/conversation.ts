/** A conversation as far as the script looks at it, whichever API it came through. */
export interface Conversation {
  /** What the user wrote. */
  readonly request: string
  /** The names of the tools that the model may call. */
  readonly tools: ReadonlySet<string>
  /** How many times the model has answered so far. */
  readonly turns: number
  /** What the tools gave back so far, in order. */
  readonly results: readonly string[]
  /** Every text in it, for counting words. */
  readonly texts: readonly string[]
  /** Whether the answer is to be streamed. */
  readonly stream: boolean
}

/** The model's next turn: text, tool calls or both. */
export interface Reply {
  readonly text: string
  readonly calls: readonly ToolCall[]
}

export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly arguments: string
}
