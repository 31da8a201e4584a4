import type {
  ChatCompletionMessageParam,
  ChatCompletionMessageToolCall,
} from "openai/resources/chat/completions"
import type { Task } from "./task.ts"
import { type CallTool, toolsOf } from "./tools.ts"
import { type Model, nextMessage } from "./turn.ts"

const maxTurns = 12

const instructions = `You repair small packages. Work only with the tools you are given.
Read the source and its tests, change the source so that the request is met, and run the tests.
Never change a test. When you are finished, answer without a tool call: start with DONE and say what
you changed, or start with GIVING UP and say why.`

/** How a task ended: whether the model says that it is done, and in which words. */
export interface Outcome {
  readonly done: boolean
  readonly summary: string
}

/** Works on one task until the model stops calling tools, for at most 12 turns. */
export async function work(
  model: Model,
  task: Task,
  report: (line: string) => void,
): Promise<Outcome> {
  const callTool = toolsOf(task.folder)
  const messages: ChatCompletionMessageParam[] = [
    { role: "system", content: instructions },
    { role: "user", content: task.request },
  ]
  for (let turn = 1; turn <= maxTurns; turn++) {
    const message = await nextMessage(model, messages)
    const calls = message.tool_calls ?? []
    const summary = message.content ?? ""
    if (calls.length === 0) return { done: summary.startsWith("DONE"), summary }
    messages.push({ role: "assistant", content: message.content, tool_calls: calls })
    for (const call of calls) {
      const result = await answerTo(call, callTool)
      report(`turn ${turn}: ${nameOf(call)}: ${firstLine(result)}`)
      messages.push({ role: "tool", tool_call_id: call.id, content: result })
    }
  }
  return { done: false, summary: `not finished after ${maxTurns} turns` }
}

async function answerTo(call: ChatCompletionMessageToolCall, callTool: CallTool): Promise<string> {
  if (call.type !== "function") return "error: only function tools are offered"
  return callTool(call.function.name, call.function.arguments)
}

function nameOf(call: ChatCompletionMessageToolCall): string {
  return call.type === "function" ? call.function.name : call.type
}

function firstLine(result: string): string {
  return result.split("\n", 1)[0]?.slice(0, 80) ?? ""
}
