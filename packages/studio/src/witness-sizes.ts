import { readFileSync } from "node:fs"
import { join } from "node:path"
import { count } from "@amc/core"
import { z } from "zod"
import { replaceFile } from "./replaced-file.ts"
import type { Workspace } from "./workspace.ts"

const schema = z.strictObject({
  schema: z.literal("amc.witness-sizes/v1"),
  sizes: z.record(z.string().max(1024), count),
})

/**
 * The size that each witness, by its key, cosigned last. Only a hint of where a proof starts: a witness tells its own
 * size where this one is wrong, so what can't be read is as good as nothing.
 */
export function witnessSizes(workspace: Workspace): ReadonlyMap<string, number> {
  try {
    const { sizes } = schema.parse(JSON.parse(readFileSync(pathOf(workspace), "utf8")))
    return new Map(Object.entries(sizes))
  } catch {
    return new Map()
  }
}

/** Remembers what witnesses cosigned; that it could not costs a request more the next time, and nothing else. */
export function rememberWitnessSizes(
  workspace: Workspace,
  cosigned: ReadonlyMap<string, number>,
): void {
  if (cosigned.size === 0) return
  const sizes = Object.fromEntries([...witnessSizes(workspace), ...cosigned])
  try {
    const text = `${JSON.stringify({ schema: "amc.witness-sizes/v1", sizes })}\n`
    replaceFile(pathOf(workspace), text)
  } catch {
    // See above.
  }
}

function pathOf({ state, workspace }: Workspace): string {
  return join(state.folderOf(workspace), "witness-sizes.json")
}
