import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** A user's home, state and working folder of a test's own, under the system's temporary folder. */
export interface Place {
  readonly top: string
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Writes a file of the working folder. Gives its path. */
  write(path: string, text: string): string
  remove(): void
}

/** Makes a place that nobody else uses. With `uid`, all of it belongs to that user. */
export function makePlace(uid: number = process.getuid?.() ?? 0): Place {
  const top = mkdtempSync(join(tmpdir(), "amc-e2e-"))
  const [home, state, cwd] = ["home", "state", "ws"].map((name) => join(top, name)) as [
    string,
    string,
    string,
  ]
  for (const folder of [top, home, state, cwd]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    chownSync(folder, uid, uid)
  }
  // What a box shows the agent is looked at as another user, so it must be readable like a clone is.
  chmodSync(cwd, 0o755)
  return {
    top,
    cwd,
    env: { PATH: process.env["PATH"] ?? "", HOME: home, XDG_STATE_HOME: state },
    write: (path, text) => writeOwned(join(cwd, path), text, uid),
    remove: () => rmSync(top, { recursive: true, force: true }),
  }
}

function writeOwned(path: string, text: string, uid: number): string {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  chownSync(path, uid, uid)
  return path
}
