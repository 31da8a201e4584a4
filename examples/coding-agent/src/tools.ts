import type { ChatCompletionFunctionTool } from "openai/resources/chat/completions"
import { TaskFiles } from "./task-files.ts"
import { runTests } from "./test-run.ts"

/** Carries out one tool call; what goes wrong comes back as text that the model can act on. */
export type CallTool = (name: string, argumentsJson: string) => Promise<string>

type Arguments = Readonly<Record<string, unknown>>

/** The tools as the model is told about them. */
export const toolDefinitions: ChatCompletionFunctionTool[] = [
  tool("list_files", "List the files of the task folder.", []),
  tool("read_file", "Read a text file of the task folder.", ["path"]),
  tool("write_file", "Write a text file of the task folder, whole.", ["path", "content"]),
  tool("run_tests", "Run the task's tests and show what they print.", []),
]

/** The tools over one task folder. */
export function toolsOf(folder: string): CallTool {
  const files = new TaskFiles(folder)
  const actions: Record<string, (args: Arguments) => string | Promise<string>> = {
    list_files: () => files.list(),
    read_file: (args) => files.read(text(args, "path")),
    write_file: (args) => files.write(text(args, "path"), text(args, "content")),
    run_tests: () => runTests(folder),
  }
  return async (name, argumentsJson) => {
    try {
      const action = Object.hasOwn(actions, name) ? actions[name] : undefined
      if (action === undefined) throw new Error(`there is no tool ${name}`)
      return await action(parse(argumentsJson))
    } catch (error) {
      return `error: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

function tool(name: string, description: string, names: string[]): ChatCompletionFunctionTool {
  const properties = Object.fromEntries(names.map((key) => [key, { type: "string" }]))
  const parameters = { type: "object", properties, required: names, additionalProperties: false }
  return { type: "function", function: { name, description, parameters } }
}

function parse(argumentsJson: string): Arguments {
  const value: unknown = JSON.parse(argumentsJson === "" ? "{}" : argumentsJson)
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new Error("the arguments must be an object")
  return value as Arguments
}

function text(args: Arguments, name: string): string {
  const value = args[name]
  if (typeof value !== "string") throw new Error(`the argument ${name} must be a string`)
  return value
}
