import { spawnSync } from "node:child_process"
import { existsSync, globSync, statSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const top = fileURLToPath(new URL("..", import.meta.url))

/**
 * Tests read the public vectors from `../shared`; without them a green run would prove less than it says.
 * Those of `e2e/` drive the built program, which must be the one of these sources.
 */
export default function setup(): void {
  if (mayDriveProgram(process.argv.slice(2)) && !isBuilt()) build()
  const vectors = fileURLToPath(new URL("../../shared/vectors/", import.meta.url))
  if (existsSync(vectors)) return
  console.error(`\n!! ${vectors} is missing: every test that reads public vectors will fail.\n`)
}

/** Whoever runs the tests of some rooms alone needs no program. */
function mayDriveProgram(words: readonly string[]): boolean {
  return !words.some((word) => /(^|\/)(packages|examples)(\/|$)/.test(word))
}

function isBuilt(): boolean {
  const main = join(top, "packages/cli/dist/main.js")
  if (!existsSync(main)) return false
  const sources = ["packages/*/src/**/*.ts", "packages/*/package.json", "tsdown.config.ts"]
  const changedMs = globSync(sources, { cwd: top }).map((path) => statSync(join(top, path)).mtimeMs)
  return Math.max(...changedMs) <= statSync(main).mtimeMs
}

function build(): void {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "-s", "build"], {
    cwd: top,
    encoding: "utf8",
  })
  if (status !== 0) throw new Error(`the build failed:\n${stdout}${stderr}`)
}
