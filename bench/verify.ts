import { createPublicKey, verify } from "node:crypto"
import { eventPayloadType, pae, parseLeaf } from "@amc/core"
import { verifyChain } from "@amc/verify"
import { LaneFixture, recordSession } from "../packages/verify/src/lane.fixture.ts"
import { laneName, makeWorld } from "../packages/verify/src/world.fixture.ts"

/**
 * How many events per second of CPU a full verification of a lane takes, signatures and all, against
 * Ed25519 alone over the same bytes, alternating. Prints JSON. `node bench/verify.ts [sessions] [rounds]`
 */
const [sessions = 500, rounds = 5] = process.argv.slice(2).map(Number)
const world = makeWorld()
const lane = new LaneFixture(world)
for (let session = 0; session < sessions; session++) recordSession(lane, `s-${session}`)
const leaves = lane.leaves.map(({ leaf }) => leaf)
const spki = Buffer.from(world.signers.monitor.key.spki)
const key = createPublicKey({ key: spki, format: "der", type: "spki" })
const signed = leaves
  .map(parseLeaf)
  .map(({ body, signature }) => ({ message: pae(eventPayloadType, body), signature }))

function perSecond(work: () => void): number {
  // CPU time, so that a busy machine counts less against it.
  const started = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(started)
  return Math.round((leaves.length * 1_000_000) / (user + system))
}

function verifyAll(): void {
  const verdict = verifyChain(leaves, { lane: laneName, keyring: world.keyring })
  if (!verdict.accepted) throw new Error(verdict.findings[0].code)
}

function verifySignatures(): void {
  for (const { message, signature } of signed)
    if (!verify(null, message, key, signature)) throw new Error("bad signature")
}

function summary(figures: readonly number[]): object {
  const sorted = figures.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted.at(-1) }
}

const measured = Array.from({ length: rounds }, () => ({
  full: perSecond(verifyAll),
  bare: perSecond(verifySignatures),
}))
console.log(
  JSON.stringify({
    bench: "verify",
    events: leaves.length,
    events_per_cpu_second: summary(measured.map(({ full }) => full)),
    ed25519_per_cpu_second: summary(measured.map(({ bare }) => bare)),
    percent_of_ed25519: summary(measured.map(({ full, bare }) => Math.round((100 * full) / bare))),
  }),
)
