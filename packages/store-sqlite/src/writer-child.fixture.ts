import { readSync } from "node:fs"
import { isFault } from "@amc/core"
import { LaneWriter, uuidSource } from "@amc/ledger"
import { sampleAudit, seededSigner } from "@amc/testkit"
import { lockLane, openLedger } from "./index.ts"

/**
 * One of several processes that want to write the same lane. Waits for a byte, takes the lock if it is told to,
 * records, and prints what was acknowledged and what was refused; holds the lane until it is told to end.
 */
const [dir = "", takes = "", count = ""] = process.argv.slice(2)

function waitForByte(): void {
  readSync(0, Buffer.alloc(1))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function record(): Promise<void> {
  if (takes === "lock") await lockLane(dir, "main")
  const { events: store, blobs } = openLedger(dir)
  const signer = seededSigner("crash")
  const terms = { store, blobs, lane: "main", origin: "acme/ledger", rootSha256: "ab".repeat(32) }
  // oxlint-disable-next-line no-restricted-globals
  const clock = (): number => Date.now()
  const writer = await LaneWriter.open({ ...terms, signer, ids: uuidSource, clock })
  for (let n = 0; n < Number(count); n++) {
    const audit = sampleAudit(`${process.pid} ${n}`)
    await writer.record(audit).then(
      ({ lseq, event_hash }) => say(`event ${lseq} ${event_hash}`),
      (error: unknown) => say(`refused ${codeOf(error)}`),
    )
  }
  say("held")
}

function codeOf(error: unknown): string {
  if (!isFault(error)) throw error
  return error.code
}

say("ready")
waitForByte()
try {
  await record()
  waitForByte()
} catch (error) {
  say(`refused ${codeOf(error)}`)
}
