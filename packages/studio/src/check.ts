import type { Readable } from "node:stream"
import { type PreparedBox, reopenWork, startFailedCode } from "@amc/sandbox"
import { boxEnvironment } from "./agent-environment.ts"
import { workingDriver } from "./box-driver.ts"
import { boxLimits } from "./box-limits.ts"
import { checkFiles, checkInBox } from "./check-files.ts"
import { putBackCheck, readCheck } from "./check-restore.ts"
import { programMounts } from "./program.ts"
import type { OpenedSession } from "./opened-session.ts"
import type { CheckResult } from "./session-terms.ts"

const checkSeconds = 120
const tailBytes = 2048

export const notChecked: CheckResult = { verdict: "not-checked", said: "" }

interface Ended {
  readonly code: number
  readonly timedOut: boolean
  readonly said: string
}

/**
 * Runs the owner's check on what the agent left behind, in a fresh box with no gateway, and records how
 * it ended. The check's own files come from where they are on this machine: the agent never had them.
 * A check that can't be run, whatever the agent did to bring that about, is one that was not passed.
 */
export async function checkOutcome(opened: OpenedSession): Promise<CheckResult> {
  const { terms, capture, work } = opened
  if (terms.check === null || terms.driver === "none") return notChecked
  const started = capture.clock()
  const own = readCheck(terms)
  const ended = await attempt(async () => {
    reopenWork(work)
    await putBackCheck(terms, own, work)
    return runCheck(opened)
  })
  const passed = ended.code === 0 && !ended.timedOut
  await opened.record("outcome", "session", {
    check_sha256: own.sha256,
    exit_code: ended.code,
    timed_out: ended.timedOut,
    duration_ms: Math.max(0, capture.clock() - started),
    passed,
  })
  return { verdict: passed ? "passed" : "failed", said: ended.said }
}

async function attempt(run: () => Promise<Ended>): Promise<Ended> {
  try {
    return await run()
  } catch (error) {
    // A fault of ours or of the system has a code; anything else is a bug.
    if (!(error instanceof Error) || !("code" in error)) throw error
    return {
      code: startFailedCode,
      timedOut: false,
      said: `the check could not be run: ${error.message}`,
    }
  }
}

async function runCheck(opened: OpenedSession): Promise<Ended> {
  const { launch } = await planCheck(opened)
  const box = await launch()
  try {
    await box.skipProbe()
    await box.go()
  } catch (error) {
    await box.refuse()
    throw error
  }
  box.stdin.end()
  // Most programs say on stderr why they fail, so that comes last.
  const tails = await Promise.all([tailOf(box.stdout), tailOf(box.stderr)])
  const said = tails.filter((tail) => tail !== "").join("\n")
  const { code, timedOut, exceeded } = await box.exited
  if (timedOut) return { code: startFailedCode, timedOut, said }
  return exceeded === undefined
    ? { code: code ?? -1, timedOut, said }
    : { code: startFailedCode, timedOut, said: exceeded }
}

/** The end of a stream, which is where a failed check says why. */
async function tailOf(stream: Readable): Promise<string> {
  let tail = Buffer.alloc(0)
  for await (const bytes of stream as AsyncIterable<Buffer>)
    tail = Buffer.concat([tail, bytes]).subarray(-tailBytes)
  return tail.toString("utf8").trim()
}

async function planCheck({ capture, terms, work }: OpenedSession): Promise<PreparedBox> {
  const files = checkFiles(terms).map(({ real }) => real)
  const mounts = programMounts(files, terms.cwd, process.execPath)
  const spec = {
    readOnly: mounts.readOnly,
    hidden: capture.workspace.state.folders(),
    work,
    gatewaySocket: null,
    egressSocket: null,
    env: boxEnvironment(terms, mounts, null),
    command: ["/bin/sh", "-c", checkInBox(terms)],
    limits: boxLimits(terms, checkSeconds),
  }
  return (await workingDriver(terms)).prepare(spec)
}
