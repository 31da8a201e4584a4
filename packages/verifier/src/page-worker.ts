import { isFault, parseDigestText, printable, sha256Hex, toHex } from "@amc/core"
import { type GivenTrust, readTrustFile, type VerdictLine } from "@amc/verify"
import { answer } from "./answer.ts"
import { summaryLines } from "./summary-lines.ts"
import { type Steps, type Subtle, webEquations } from "./web-equation.ts"

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

/** How far it is, told now and then. */
export interface Progress {
  readonly signatures: number
  readonly judged: number
}

/** What the worker has of the browser. */
export interface Around {
  readonly subtle: Subtle | undefined
  progress(made: Progress): void
}

/** Verifies what the page was given. Total: what can't be looked at is said. */
export async function tell({ name, bundle, root, nowMs }: Asked, around: Around): Promise<Told> {
  const about = {
    file: printable(name.slice(0, nameMax).toWellFormed()),
    sha256: sha256Hex(bundle),
  }
  try {
    const { exit, lines, summary } = await answer(bundle, {
      trust: trustOf(root),
      nowMs,
      atMs: nowMs,
      equationOf: webEquations(around.subtle, stepsOf(around)),
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

function stepsOf({ progress }: Around): Steps {
  const made = { signatures: 0, judged: 0 }
  const step = (of: keyof typeof made) => (): void => {
    if (++made[of] % stepsBetween === 0) progress({ ...made })
  }
  return { signature: step("signatures"), judged: step("judged") }
}

const stepsBetween = 2000

function trustOf(root: string | Uint8Array): GivenTrust {
  if (typeof root !== "string") return readTrustFile(root)
  const typed = root.trim().toLowerCase()
  const fingerprint = typed.startsWith("sha256:") ? typed : `sha256:${typed}`
  return { rootSha256: toHex(parseDigestText(fingerprint)) }
}
