import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"

/**
 * How a person who reads this can call amc again: as they did, which is by its name where it is on their
 * PATH. What npm runs finds it in the clone alone.
 */
export function programName(environment: Readonly<Record<string, string | undefined>>): string {
  const isOfNpm = environment["npm_command"] !== undefined
  return !isOfNpm && isOnPath(environment["PATH"] ?? "") ? "amc" : "npx --no-install amc"
}

function isOnPath(path: string): boolean {
  return path.split(delimiter).some((folder) => folder !== "" && isProgram(join(folder, "amc")))
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    // Not there, or not to be run: it is looked for in the next folder.
    return false
  }
}
