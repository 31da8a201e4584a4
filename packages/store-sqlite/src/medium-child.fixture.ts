import { isFault } from "@amc/core"
import { LaneWriter, openSession, uuidSource } from "@amc/ledger"
import { sampleRequest, sampleSession, seededSigner } from "@amc/testkit"
import { openLedger } from "./index.ts"

/** Records until the medium fails; prints what was acknowledged and with which code the rest was refused. */
const [dir = "", user = ""] = process.argv.slice(2)
if (user !== "") process.setuid?.(Number(user))
const s1 = { agent: "coder", session: "s1" }
let acknowledged = 0

async function recordUntilFault(): Promise<never> {
  const { events: store, blobs } = openLedger(dir)
  const writer = await LaneWriter.open({
    store,
    blobs,
    lane: "main",
    origin: "acme/ledger",
    rootSha256: "ab".repeat(32),
    signer: seededSigner("crash"),
    ids: uuidSource,
    // oxlint-disable-next-line no-restricted-globals
    clock: () => Date.now(),
  })
  await openSession(writer, s1, sampleSession)
  for (acknowledged = 1; ; acknowledged++)
    await writer.record(
      sampleRequest({ ...s1, callId: `c${acknowledged}`, body: "x".repeat(20_000) }),
    )
}

try {
  await recordUntilFault()
} catch (error) {
  if (!isFault(error)) throw error
  process.stdout.write(`${acknowledged} ${error.code}\n`)
}
