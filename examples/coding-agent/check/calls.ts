import { writeSync } from "node:fs"
import { text } from "node:stream/consumers"
import { pathToFileURL } from "node:url"

/**
 * Runs in a process of its own: imports the agent's source, then reads which calls to make, makes them
 * and writes what came back. It is never told what should come back, so nothing that the agent's code
 * does here, not even an early exit, can say "passed".
 */
const [source = "", name = ""] = process.argv.slice(2)
const module = (await import(pathToFileURL(source).href)) as Record<string, unknown>
const called = module[name] as (...args: unknown[]) => unknown

const { nonce, calls } = JSON.parse(await text(process.stdin)) as {
  nonce: string
  calls: unknown[][]
}
const answers = calls.map((args) => ({ value: called(...args), args }))
writeSync(1, `\n${nonce}${JSON.stringify(answers)}\n`)
process.exit()
