import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"

const folder = new URL("../portkey/", import.meta.url).pathname
/** What is run. */
export const portkeyProgram: string = `${folder}node_modules/@portkey-ai/gateway/build/start-server.js`

/**
 * Installs Portkey's gateway by the lockfile of its own folder, unless it is there: the versions that it
 * was published with, since with newer ones it answers every stream with an error. Gives why it can't be
 * measured here, null if it can.
 */
export function whyNoPortkey(): string | null {
  try {
    if (!existsSync(portkeyProgram)) {
      const words = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
      execFileSync("npm", words, { cwd: folder, stdio: ["ignore", 2, 2], timeout: 300_000 })
    }
    return null
  } catch (error) {
    return `Portkey's gateway can't be installed here: ${(error as Error).message.split("\n")[0]}`
  }
}
