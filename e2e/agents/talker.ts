import { readFileSync } from "node:fs"
import { callModel } from "./model-call.ts"

/**
 * Makes the same calls whatever it says. Given a file it says all of that, to its streams, to the model,
 * in the model's name and as the result of a tool; else nothing. The scripted model has the first call
 * tried again, as a busy provider does.
 */
const [file] = process.argv.slice(2)
const words = file === undefined ? "" : readFileSync(file, "utf8")
const session = process.env["AMC_SESSION"] ?? ""

for (const part of ["first", "second"] as const) {
  process.stdout.write(words)
  process.stderr.write(words)
  const answer = await callModel([
    { role: "system", content: words },
    { role: "user", content: `${part} call of session ${session}: ${words}` },
    { role: "assistant", content: words },
    { role: "tool", tool_call_id: "call_1", content: words },
    ...(part === "second" ? [{ role: "assistant", content: words } as const] : []),
  ])
  process.stdout.write(words === "" ? "" : await answer.text())
}
