/**
 * The owner's check of one session: exit code 0 if the task is done, 1 if not, 2 if it was called
 * wrongly, 3 if it could not look. The working directory is the work folder that the session left.
 */
import { judge } from "./judgement.ts"

// Without a listener SIGUSR1 opens Node's debugger, through which code of the agent could speak for
// this process.
process.on("SIGUSR1", () => undefined)

const session = Number(process.env["AMC_SESSION"])
if (!Number.isSafeInteger(session) || session < 1) {
  console.error("AMC_SESSION must be the number of a session, from 1")
  process.exitCode = 2
} else {
  try {
    const { passed, detail } = await judge(process.cwd(), session)
    console.log(`${passed ? "passed" : "not passed"}: ${detail}`)
    process.exitCode = passed ? 0 : 1
  } catch (error) {
    console.error(`the check could not look: ${String(error)}`)
    process.exitCode = 3
  }
}
