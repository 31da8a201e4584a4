import { verifyByWords } from "./program.ts"

process.exitCode = await verifyByWords(process.argv.slice(2), {
  environment: process.env,
  // The entry of a process is where its clock comes in.
  // oxlint-disable-next-line no-restricted-globals
  nowMs: Date.now(),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
})
