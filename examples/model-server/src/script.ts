import { randomBytes } from "node:crypto"
import type { Conversation, Reply } from "./conversation.ts"
import { type ScriptedCall, type ScriptedTask, scriptedTasks } from "./tasks.ts"

const helpText =
  "I am a scripted model: I only know the five tasks of examples/coding-agent, " +
  "and I need the tools list_files, read_file, write_file and run_tests."

/** The next turn in a conversation. Nothing is remembered: the conversation tells how far it has come. */
export function nextReply(conversation: Conversation): Reply {
  const task = scriptedTasks.find(({ heading }) => conversation.request.includes(heading))
  if (task === undefined || !mayCallAll(task, conversation.tools))
    return { text: helpText, calls: [] }
  const step = nextStep(task, conversation.results.length)
  if (step === undefined) return { text: lastWords(task, conversation), calls: [] }
  return { text: step.text, calls: step.calls.map(callOf) }
}

function mayCallAll(task: ScriptedTask, tools: ReadonlySet<string>): boolean {
  return task.steps.every(({ calls }) => calls.every(({ name }) => tools.has(name)))
}

/** The first step whose calls are not all answered yet. */
function nextStep(task: ScriptedTask, answered: number): ScriptedTask["steps"][number] | undefined {
  let calls = 0
  return task.steps.find((step) => (calls += step.calls.length) > answered)
}

/** The last result is that of the tests: a script that has not seen them pass does not say so. */
function lastWords(task: ScriptedTask, { results }: Conversation): string {
  return results.at(-1)?.startsWith("exit code 0\n") === true
    ? `DONE: ${task.done}; all tests pass`
    : "GIVING UP: the tests still fail after the change that I know"
}

function callOf({ name, arguments: fields }: ScriptedCall): Reply["calls"][number] {
  return { id: `call_${randomBytes(12).toString("hex")}`, name, arguments: JSON.stringify(fields) }
}
