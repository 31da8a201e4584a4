import { readdirSync, readFileSync, readSync, writeFileSync, writeSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { isFault, type Observation, type Recorded } from "@amc/core"
import { openSession, sealSession } from "@amc/ledger"
import { sampleAudit, sampleRequest, sampleResponse, sampleSession } from "@amc/testkit"
import {
  faultTestsMs,
  openRecording,
  readRecordingTerms,
  type Recording,
} from "./ledger-fault-recording.fixture.ts"

/**
 * Records sessions with payloads of all sizes, receipts and checkpoints, while somebody makes its file calls
 * fail or waits to kill it. Prints what was acknowledged and with which code the rest was refused, and goes on.
 */
const [top = "", rounds = ""] = process.argv.slice(2)
let now = faultTestsMs
const terms = await readRecordingTerms(top, () => now++)
const spool = join(terms.workspace.dir, "spool")

for (let round = 0; round < Number(rounds); round++)
  writeFileSync(join(spool, `body-${round}`), `spooled ${round} `.repeat(40_000))
// The first use of the pool starts its one thread, so that it can be named to a tracer.
await readFile("/dev/null")
say(`ready ${process.pid} ${poolThread()}`)
readSync(0, Buffer.alloc(1))
const recording = (await attempt(open)) ?? (await attempt(open))
if (recording !== undefined) await work(recording)
say("end")

function open(): Promise<Recording> {
  return openRecording(terms)
}

async function work(opened: Recording): Promise<void> {
  for (let round = 0; round < Number(rounds); round++) {
    await recordRound(opened, round)
    await attempt(async () => {
      const { size, root_sha256, tilesFault } = await opened.checkpoint()
      if (tilesFault === null) say(`tree ${size} ${root_sha256}`)
      else say(`fault ${tilesFault.code} tiles: ${tilesFault.message}`)
    })
  }
  await attempt(() => opened.close())
}

async function recordRound({ writer }: Recording, round: number): Promise<void> {
  const name = { agent: "coder", session: `s-${round}` }
  await acknowledged(openSession(writer, name, sampleSession))
  const bodies = ["small", "large ".repeat(60_000), "middle ".repeat(900)]
  const calls = bodies.map((body, at) => ({
    ...name,
    callId: `${name.session}-${at}`,
    receipt: true,
    body: `${body} ${round}`,
  }))
  const requests = await Promise.all([
    ...calls.map((call) => acknowledged(writer.record(sampleRequest(call)))),
    acknowledged(writer.record(sampleAudit("a fault is near"))),
  ])
  for (const [at, call] of calls.entries()) {
    const request = requests[at]
    if (request === undefined) continue
    const { event_hash } = request
    const answer = sampleResponse({ ...call, body: `answer ${round} ${at}` }, event_hash)
    const observed = at === 2 ? spooled(answer, round) : answer
    // What has no answer is left to recovery, with its session.
    if ((await acknowledged(writer.record(observed))) === undefined) return
  }
  const ended = { reason: "exited", posture: "measured", hardened: true } as const
  await acknowledged(sealSession(writer, name, ended))
}

function spooled(answer: ReturnType<typeof sampleResponse>, round: number): Observation {
  if (answer.payload === undefined) throw new Error("an answer has a payload")
  return { ...answer, payload: { ...answer.payload, blob: { path: join(spool, `body-${round}`) } } }
}

async function acknowledged(recording: Promise<Recorded>): Promise<Recorded | undefined> {
  return attempt(async () => {
    const recorded = await recording
    say(`event ${recorded.lseq} ${recorded.event_hash} ${recorded.receipt ?? "-"}`)
    return recorded
  })
}

/** A bug is no answer: it ends the process. */
async function attempt<T>(step: () => Promise<T>): Promise<T | undefined> {
  try {
    return await step()
  } catch (error) {
    if (!isFault(error)) throw error
    say(`fault ${error.code} ${error.message}`)
    return undefined
  }
}

function poolThread(): string {
  const tasks = readdirSync("/proc/self/task")
  const pool = tasks.filter(
    (task) => readFileSync(`/proc/self/task/${task}/comm`, "utf8") === "libuv-worker\n",
  )
  return pool.join()
}

function say(line: string): void {
  writeSync(1, `${line}\n`)
}
