import OpenAI, { APIConnectionError } from "openai"
import { work } from "./agent.ts"
import { taskOfSession } from "./task.ts"

/** Which session this is decides the task and, if `STREAM` does not say, whether answers are streamed. */
const session = Number(process.argv[2] ?? process.env["AMC_SESSION"] ?? "1")

try {
  const task = taskOfSession(process.cwd(), session)
  const client = new OpenAI({ maxRetries: 2, timeout: 60_000 })
  const stream =
    process.env["STREAM"] === undefined ? session % 2 === 0 : process.env["STREAM"] === "1"
  const model = { client, name: process.env["OPENAI_MODEL"] ?? "gpt-4.1-mini", stream }
  console.log(`task ${task.name}, model ${model.name}, ${stream ? "streamed" : "not streamed"}`)
  const { done, summary } = await work(model, task, (line) => console.log(line))
  console.log(summary)
  process.exitCode = done ? 0 : 1
} catch (error) {
  console.error(`failed: ${reasonOf(error)}`)
  process.exitCode = 1
}

function reasonOf(error: unknown): string {
  if (error instanceof APIConnectionError)
    return `no answer from ${process.env["OPENAI_BASE_URL"] ?? "the provider"}: ${error.message}`
  return error instanceof Error ? error.message : String(error)
}
