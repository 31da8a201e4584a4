import { chmodSync, mkdtempSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { clone } from "./amc.ts"

/** The clone as it is seen at another path, by what runs through `words` alone. Needs root. */
export interface Elsewhere {
  /** Put before a command. */
  readonly words: readonly string[]
  /** A text of paths in the clone, as they are called there. */
  moved(paths: string): string
  remove(): void
}

// The clone may itself lie in the folder that is covered, so it is held at `stage` first.
const script = `
set -e; stage=$1 at=$2 clone=$3; shift 3
mount --bind "$clone" "$stage"
if [ "$at" != "$stage" ]; then
  mount -t tmpfs -o mode=700 none "\${at%/*}"; mkdir -m 755 "$at"; mount --bind "$stage" "$at"
fi
cd "$PWD"; exec "$@"`

/** Shows the clone at `at`, whose parent is covered by a folder for root alone; without it, where anybody may read. */
export function cloneElsewhere(at?: string): Elsewhere {
  const stage = mkdtempSync(join(tmpdir(), "amc-clone-"))
  chmodSync(stage, 0o755)
  const from = clone.replace(/\/$/, "")
  const to = at ?? stage
  return {
    words: ["unshare", "-m", "sh", "-c", script, "sh", stage, to, from],
    moved: (paths) => paths.replaceAll(from, to),
    remove: () => rmdirSync(stage),
  }
}
