import { isFault, parseDigestText, printable, sha256Hex, toHex } from "@amc/core"
import { type GivenTrust, readTrustFile } from "@amc/verify"
import { answer } from "./answer.ts"
import { summaryLines } from "./summary-lines.ts"
import type { VerdictLine } from "@amc/verify"

/** What the page asks of its worker. */
export interface Asked {
  /** What the reader's own machine calls the bundle. */
  readonly name: string
  readonly bundle: Uint8Array
  /** What was typed, or the bytes of a trust file. */
  readonly root: string | Uint8Array
  readonly nowMs: number
}

/** What the worker says. */
export interface Told {
  /** Of which file, so that no verdict is taken for that on another. */
  readonly file: string
  readonly sha256: string
  readonly exit: number
  readonly lines: readonly VerdictLine[]
  readonly facts: readonly (readonly [string, string])[]
  /** Why it could not look. */
  readonly fault: string | null
}

/** Verifies what the page was given. Total: what can't be looked at is said. */
export async function tell({ name, bundle, root, nowMs }: Asked): Promise<Told> {
  const about = {
    file: printable(name.slice(0, nameMax).toWellFormed()),
    sha256: sha256Hex(bundle),
  }
  try {
    const { exit, lines, summary } = await answer(bundle, {
      trust: trustOf(root),
      nowMs,
      atMs: nowMs,
    })
    return {
      ...about,
      exit,
      lines,
      facts: summary === null ? [] : summaryLines(summary),
      fault: null,
    }
  } catch (error) {
    if (!isFault(error)) throw error
    return { ...about, exit: 2, lines: [], facts: [], fault: error.message }
  }
}

const nameMax = 255

function trustOf(root: string | Uint8Array): GivenTrust {
  if (typeof root !== "string") return readTrustFile(root)
  const typed = root.trim().toLowerCase()
  const fingerprint = typed.startsWith("sha256:") ? typed : `sha256:${typed}`
  return { rootSha256: toHex(parseDigestText(fingerprint)) }
}
