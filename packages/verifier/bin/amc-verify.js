#!/usr/bin/env node
// Plain JavaScript that any Node can read, so that an old one gets a sentence and not a syntax error.
import { existsSync } from "node:fs"

const main = new URL("../dist/amc-verify.js", import.meta.url)
if (Number(process.versions.node.split(".")[0]) < 24) {
  process.stderr.write(`amc-verify: needs Node 24 or newer, this is ${process.versions.node}\n`)
  process.exitCode = 3
} else if (!existsSync(main)) {
  process.stderr.write("amc-verify: not built yet; run 'npm run build' in the clone\n")
  process.exitCode = 3
} else {
  await import(main.href)
}
