import { spawnSync } from "node:child_process"
import { existsSync } from "node:fs"
import { ratios, spread } from "./statistics.ts"

/** `amc --version` against Node that does nothing, in turns. Prints JSON. `node bench/version.ts [rounds]` */
const [rounds = 15] = process.argv.slice(2).map(Number)
const amc = new URL("../packages/cli/bin/amc.js", import.meta.url).pathname
if (!existsSync(new URL("../packages/cli/dist/main.js", import.meta.url)))
  throw new Error("the program is not built: npm run build")

function milliseconds(args: readonly string[]): number {
  const started = performance.now()
  const { status } = spawnSync(process.execPath, args)
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}`)
  return performance.now() - started
}

const bareArgs = ["--eval", "0"]
const amcArgs = [amc, "--version"]
for (const args of [bareArgs, amcArgs]) milliseconds(args)
const bare: number[] = []
const own: number[] = []
for (let round = 0; round < rounds; round++) {
  if (round % 2 === 0) bare.push(milliseconds(bareArgs))
  own.push(milliseconds(amcArgs))
  if (round % 2 === 1) bare.push(milliseconds(bareArgs))
}
console.log(
  JSON.stringify({
    bench: "version",
    rounds,
    bareMs: spread(bare),
    amcMs: spread(own),
    ratio: ratios(own, bare),
  }),
)
