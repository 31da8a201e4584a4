import { extname } from "node:path"
import { MessageChannel, Worker } from "node:worker_threads"
import { openSession, RecorderClient, sealSession } from "@amc/ledger"
import { sampleRequest, sampleResponse, sampleSession } from "@amc/testkit"

/** Records calls of several agents at once until it is killed, and prints what was acknowledged. */
const [dir = "", run = ""] = process.argv.slice(2)
const { port1, port2 } = new MessageChannel()
const entry = new URL(`./crash-worker.fixture${extname(import.meta.url)}`, import.meta.url)
const worker = new Worker(entry, { workerData: { dir, port: port2 }, transferList: [port2] })
worker.once("error", (error) => {
  throw error
})
const recorder = await RecorderClient.open(port1)

async function work(agent: string): Promise<never> {
  for (let n = 0; ; n++) {
    const session = `${run}-${agent}-${n}`
    acknowledge(await openSession(recorder, { agent, session }, sampleSession))
    for (let call = 0; call < 5; call++) await makeCall(agent, session, `${session}-${call}`)
    const terms = { reason: "exited", posture: "measured", hardened: true } as const
    acknowledge(await sealSession(recorder, { agent, session }, terms))
  }
}

async function makeCall(agent: string, session: string, callId: string): Promise<void> {
  const call = { agent, session, callId, receipt: true }
  const body = callId.endsWith("0-3") ? `${callId}${"x".repeat(300_000)}` : callId
  const request = acknowledge(await recorder.record(sampleRequest({ ...call, body })))
  acknowledge(await recorder.record(sampleResponse(call, request)))
}

function acknowledge({
  event_hash,
  lseq,
  receipt,
}: Awaited<ReturnType<RecorderClient["record"]>>): string {
  process.stdout.write(`${event_hash} ${lseq} ${receipt ?? "-"}\n`)
  return event_hash
}

await Promise.all(Array.from({ length: 12 }, (_, n) => work(`agent-${n}`)))
