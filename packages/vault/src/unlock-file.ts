import { rmSync } from "node:fs"
import { canonicalize, concatBytes, isFault, parseCanonical, utf8 } from "@amc/core"
import { z } from "zod"
import { replaceFile } from "./durable-file.ts"
import { withFileLock } from "./file-lock.ts"
import { readPrivateFile } from "./private-file.ts"

const unlockSchema = z.strictObject({
  schema: z.literal("amc.unlocked/v1"),
  pid: z.int().min(1),
  slots: z
    .array(z.enum(["auditor", "monitor"]))
    .min(1)
    .max(2),
  socket: z.string().min(1).max(4096),
  until_ms: z.int().min(0),
})

/** Where an unlocked notary listens (spec/vault.md, rule 13). A hint: whether it is there shows when it is asked. */
export type UnlockFile = z.infer<typeof unlockSchema>

/**
 * What an unlock file says, or null if there is none or it is none.
 *
 * @throws {@link AmcError} `vault/unsafe-file`
 */
export function readUnlockFile(path: string): UnlockFile | null {
  try {
    const bytes = readPrivateFile(path, { maxSize: 8192, missing: "vault/locked" })
    const parsed = unlockSchema.safeParse(parseCanonical(bytes.subarray(0, -1)))
    return parsed.success ? parsed.data : null
  } catch (error) {
    if (isFault(error, "vault/locked", "input/malformed", "input/too-large")) return null
    throw error
  }
}

/** Writes an unlock file in place of an older one. @throws {@link AmcError} `store/conflict`, `workspace/unwritable` */
export function writeUnlockFile(path: string, unlocked: UnlockFile): void {
  const bytes = concatBytes(canonicalize(unlocked), utf8("\n"))
  withFileLock(path, () => replaceFile(path, bytes))
}

/** Removes an unlock file, unless it names another socket by now. @throws {@link AmcError} `vault/unsafe-file` */
export function removeUnlockFile(path: string, socket: string | null): void {
  withFileLock(path, () => {
    const found = readUnlockFile(path)
    if (found === null || found.socket === socket) rmSync(path, { force: true })
  })
}
