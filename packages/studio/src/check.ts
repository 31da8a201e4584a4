import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import type { Readable } from "node:stream"
import { inspectHost, launch, planBubblewrap } from "@amc/sandbox"
import { boxEnvironment } from "./agent-environment.ts"
import { putBackCheck, wordsOf } from "./check-files.ts"
import { commandFiles, programMounts } from "./program.ts"
import type { OpenedSession } from "./opened-session.ts"
import type { CheckResult, SessionTerms } from "./session-terms.ts"

const checkSeconds = 120
const tailBytes = 2048

export const notChecked: CheckResult = { verdict: "not-checked", said: "" }
const MiB = 1 << 20

/**
 * Runs the owner's check on what the agent left behind, in a fresh box with no gateway, and records how
 * it ended. The check's own files come from where they are on this machine: the agent never had them.
 */
export async function checkOutcome(opened: OpenedSession): Promise<CheckResult> {
  const { terms, capture } = opened
  if (terms.check === null || terms.driver !== "bubblewrap") return notChecked
  putBackCheck(terms, opened.work)
  const started = capture.clock()
  const box = await launch(planCheck(opened, terms.check))
  await box.skipProbe()
  await box.go()
  box.stdin.end()
  const [said] = await Promise.all([tailOf(box.stdout), tailOf(box.stderr)])
  const { code, timedOut } = await box.exited
  const passed = code === 0 && !timedOut
  await opened.record("outcome", "session", {
    check_sha256: checkSha256(terms, terms.check),
    exit_code: code ?? -1,
    timed_out: timedOut,
    duration_ms: Math.max(0, capture.clock() - started),
    passed,
  })
  return { verdict: passed ? "passed" : "failed", said }
}

/** The end of a stream, which is where a failed check says why. */
async function tailOf(stream: Readable): Promise<string> {
  let tail = Buffer.alloc(0)
  for await (const bytes of stream as AsyncIterable<Buffer>)
    tail = Buffer.concat([tail, bytes]).subarray(-tailBytes)
  return tail.toString("utf8").trim()
}

function planCheck(
  { terms, work }: OpenedSession,
  check: string,
): ReturnType<typeof planBubblewrap> {
  const words = wordsOf(check)
  const mounts = programMounts(words, terms.cwd, process.execPath)
  const spec = {
    readOnly: mounts.readOnly,
    hidden: [],
    work,
    gatewaySocket: null,
    env: boxEnvironment(terms, mounts, null),
    command: ["/bin/sh", "-c", check],
    limits: {
      memoryBytes: terms.limits.memory_mib * MiB,
      pids: terms.limits.pids,
      timeoutMs: checkSeconds * 1000,
    },
  }
  return planBubblewrap(spec, inspectHost(spec))
}

/** The digest of the check: its words and its files. */
function checkSha256({ cwd }: SessionTerms, check: string): string {
  const hash = createHash("sha256").update(check)
  for (const file of commandFiles(wordsOf(check), cwd)) hash.update(`\n${fileSha256(file)}`)
  return hash.digest("hex")
}

function fileSha256(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex")
}
