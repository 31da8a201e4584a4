import { readFileSync, statSync } from "node:fs"
import {
  AmcError,
  isFault,
  parseDigestText,
  parseWitnessPolicy,
  printable,
  printableJson,
  toHex,
} from "@amc/core"
import { type GivenTrust, readTrustFile } from "@amc/verify"
import { type Answer, answer } from "./answer.ts"
import { type CommandLine, help, readCommandLine } from "./command-line.ts"
import { recall, remember } from "./memory-folder.ts"
import { summaryLines } from "./summary-lines.ts"

/** What the program reads besides files, and where it writes. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly nowMs: number
  out(text: string): void
  err(text: string): void
}

/** The program: gives its exit code. */
export async function verifyByWords(
  words: readonly string[],
  around: Surroundings,
): Promise<number> {
  try {
    const line = readCommandLine(words, around.environment)
    if (line === null) {
      around.out(help)
      return 0
    }
    const answered = await verifyNamed(line, around)
    around.out(line.isJson ? jsonOf(answered) : textOf(line.file, answered))
    return answered.exit
  } catch (error) {
    if (!isFault(error)) throw error
    return tellFault(error, words.includes("--json"), around)
  }
}

async function verifyNamed(line: CommandLine, { nowMs, err }: Surroundings): Promise<Answer> {
  const trust = trustOf(line.root)
  const memory = line.memory === null ? undefined : recall(line.memory, trust.rootSha256)
  const policy =
    line.witnessPolicy === undefined
      ? undefined
      : parseWitnessPolicy(readInput(line.witnessPolicy, policySizeMax))
  const bytes = readInput(line.file, bundleSizeMax)
  const proof = line.proof === undefined ? undefined : readInput(line.proof, policySizeMax)
  const atMs = line.atMs ?? nowMs
  const answered = await answer(bytes, {
    trust,
    memory,
    nowMs,
    atMs,
    proof,
    witnesses: { policy },
  })
  if (line.memory !== null && answered.memory !== null)
    keep(line.memory, trust.rootSha256, answered.memory, err)
  return answered
}

const policySizeMax = 1 << 20
/** No bundle is larger, so that a larger file is refused before it is read. */
const bundleSizeMax = 256 << 20

function trustOf(root: string): GivenTrust {
  if (root.startsWith("sha256:")) return { rootSha256: toHex(parseDigestText(root)) }
  return readTrustFile(readInput(root, policySizeMax))
}

/** Not being able to remember is told, and no reason to withhold the verdict. */
function keep(
  folder: string,
  root: string,
  memory: Parameters<typeof remember>[2],
  err: (text: string) => void,
): void {
  try {
    remember(folder, root, memory)
  } catch (error) {
    if (!isFault(error, "workspace/unwritable")) throw error
    err(`amc-verify: warning: what was verified can't be remembered: ${error.message}\n`)
  }
}

function readInput(path: string, sizeMax: number): Uint8Array {
  try {
    const stats = statSync(path)
    // A pipe may never be written to, and a device never end.
    if (!stats.isFile()) throw new AmcError("input/unreadable", `${printable(path)} is not a file`)
    if (stats.size <= sizeMax) return new Uint8Array(readFileSync(path))
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError("input/unreadable", `${printable(path)} can't be read`, { cause })
  }
  throw new AmcError("input/too-large", `${printable(path)} has more than ${sizeMax} bytes`)
}

const marks = { holds: "ok", fails: "NO", unknown: "--" } as const

function textOf(file: string, { exit, lines, summary }: Answer): string {
  const said = [
    `${file}: ${exit === 0 ? "accepted" : exit === 4 ? "REJECTED, tampered with" : "REJECTED"}`,
    ...lines.map(({ aspect, state, text }) => `${marks[state]}  ${aspect.padEnd(12)}  ${text}`),
    ...(summary === null
      ? []
      : summaryLines(summary).map(([name, text]) => `    ${name.padEnd(12)}  ${text}`)),
  ]
  return said.map((each) => `${printable(each)}\n`).join("")
}

function jsonOf({ exit, lines, summary, findings }: Answer): string {
  const data = summary && { ...summary, aspects: lines }
  return envelope({ exit, data, findings })
}

function envelope(told: { exit: number; data: unknown; findings: readonly unknown[] }): string {
  const about = { schema: "amc.cli/v1", command: "bundle verify", ok: told.exit === 0 }
  return `${printableJson(JSON.stringify({ ...about, ...told }))}\n`
}

function tellFault(
  { code, message, hint }: AmcError,
  isJson: boolean,
  { out, err }: Surroundings,
): number {
  const exit = code.startsWith("usage/") ? 2 : 3
  const findings = [{ code, subject: "amc-verify", detail: message, next: hint ?? null }]
  if (isJson) out(envelope({ exit, data: null, findings }))
  else err(`${printable(`amc-verify: ${message}${hint === undefined ? "" : ` (${hint})`}`)}\n`)
  return exit
}
