import { type MessagePort, workerData } from "node:worker_threads"
import { AmcError } from "@amc/core"
import { failingStore, MemoryEventStore, sampleAudit } from "@amc/testkit"
import { serveRecorder } from "./recorder-server.ts"
import { openWriting } from "./writing.fixture.ts"

interface Terms {
  readonly port: MessagePort
  readonly behaviour:
    | "serves"
    | "can't open"
    | "dies at the second append"
    | "fails at the second append"
}

const { port, behaviour } = workerData as Terms

const store = failingStore(new MemoryEventStore(), {
  failsBefore: (nth) => {
    if (nth === 1 && behaviour === "dies at the second append") process.exit(9)
    return nth === 1 && behaviour === "fails at the second append"
  },
})

async function open(): Promise<Awaited<ReturnType<typeof openWriting>>["writer"]> {
  if (behaviour === "can't open") throw new AmcError("ledger/lane-taken", "taken", { hint: "wait" })
  const { writer } = await openWriting({ store })
  await writer.record(sampleAudit("the worker is up"))
  return writer
}

await serveRecorder(port, open())
