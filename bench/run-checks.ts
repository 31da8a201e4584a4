import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { openSession, sealSession } from "@amc/ledger"
import {
  type Capture,
  exportBundle,
  initWorkspace,
  makeRun,
  openCapture,
  openWorkspace,
  StateHome,
  writeBundle,
} from "@amc/studio"
import { sampleRequest, sampleResponse, sampleSession } from "@amc/testkit"
import { lowestKdfCost } from "@amc/vault"
import { rounded } from "./statistics.ts"

/**
 * How long it takes to check a run of many events, and how much memory: by the built program, a process for each
 * command, whose peak the kernel tells. Prints JSON. `node bench/run-checks.ts [events] [folder] [main file]`; a folder
 * keeps the workspace for the next time. A bundle holds some 250,000 events, so that it is left out above.
 */
const [events = 100_000] = process.argv.slice(2).map(Number)
const [, , , kept, main = new URL("../packages/cli/bin/amc.js", import.meta.url).pathname] =
  process.argv
const callsPerSession = 20
const sessionsAtOnce = 8
const bundledMost = 200_000
const agent = "coder"
const top = kept ?? mkdtempSync(join(tmpdir(), "amc-checks-"))
const [folder, bundle] = [join(top, "home"), join(top, "run.amcbundle")]
const environment = { ...process.env, XDG_STATE_HOME: join(top, "state") }
const clock = (): number => Date.now()

async function record({ recorder }: Capture): Promise<void> {
  const perRound = (2 * callsPerSession + 2) * sessionsAtOnce
  for (let round = 0; round * perRound < events; round++)
    await Promise.all(
      Array.from({ length: sessionsAtOnce }, (_, n) => recordSession(recorder, `s-${round}-${n}`)),
    )
}

async function recordSession(recorder: Capture["recorder"], session: string): Promise<void> {
  await openSession(recorder, { agent, session }, sampleSession)
  const calls = Array.from({ length: callsPerSession }, (_, call) => ({
    agent,
    session,
    callId: `${session}-${call}`,
  }))
  const asked = await Promise.all(calls.map((call) => recorder.record(sampleRequest(call))))
  await Promise.all(
    calls.map((call, n) => recorder.record(sampleResponse(call, asked[n]?.event_hash ?? ""))),
  )
  const terms = { reason: "exited", posture: "shared", hardened: false } as const
  await sealSession(recorder, { agent, session }, terms)
}

async function make(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const state = new StateHome(environment)
  const workspace = await initWorkspace({ folder, state, clock, cost: lowestKdfCost })
  const capture = await openCapture(workspace, { clock })
  let runId: string
  try {
    await record(capture)
    runId = (await makeRun(capture, { agent, windowDays: 14 })).stored.runId
  } finally {
    await capture.close()
  }
  if (events > bundledMost) return
  writeBundle(
    bundle,
    await exportBundle(openWorkspace(folder, state, clock()), { agent, runId, clock }),
  )
}

const peak = `process.on("exit", () => process.stderr.write("\\npeak " + process.resourceUsage().maxRSS))`

function measured(...words: readonly string[]): { seconds: number; peakMiB: number } {
  const importing = ["--import", `data:text/javascript,${encodeURIComponent(peak)}`]
  const started = performance.now()
  const said = execFileSync(
    "sh",
    ["-c", '"$@" 2>&1 >/dev/null', "sh", process.execPath, ...importing, main, ...words],
    { cwd: folder, env: environment, encoding: "utf8" },
  )
  const seconds = rounded((performance.now() - started) / 1000)
  return { seconds, peakMiB: Math.round(Number(/peak (\d+)/.exec(said)?.[1]) / 1024) }
}

try {
  if (!existsSync(folder)) await make()
  const listed = execFileSync(process.execPath, [main, "run", "list", "--json"], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
  })
  const run = /run-[0-9a-z-]+/.exec(listed)?.[0] ?? ""
  const own = {
    runVerify: measured("run", "verify", run),
    runExplain: measured("run", "explain", "SK-02", "--run", run),
  }
  const root = new StateHome(environment)
  const fingerprint = openWorkspace(folder, root, clock()).rootSha256
  const pinned = [bundle, "--root", `sha256:${fingerprint}`]
  const bundled = existsSync(bundle) && {
    bundleMiB: statSync(bundle).size >> 20,
    bundleVerify: measured("bundle", "verify", ...pinned),
    runVerifyBundle: measured("run", "verify", ...pinned),
  }
  console.log(JSON.stringify({ bench: "run-checks", events, ...own, ...bundled }))
} finally {
  if (kept === undefined) rmSync(top, { recursive: true, force: true })
}
