import { createPublicKey, verify } from "node:crypto"
import { commitMessage, hashLeaf, parseSignature, type SignedLeaf } from "@amc/core"
import { fastEquation } from "@amc/vault"
import { verifyChain } from "@amc/verify"
import { LaneFixture, recordSession, signedTogether } from "../packages/verify/src/lane.fixture.ts"
import { laneName, makeWorld } from "../packages/verify/src/world.fixture.ts"
import { ratios, spread } from "./statistics.ts"

/**
 * How many events per second of CPU a full verification of a lane takes, signatures and all, as 'amc verify' does it,
 * against node's Ed25519 alone over the same bytes, alternating: machines differ in that by more than half.
 * `platform` is the same without libsodium. Prints JSON. `node bench/verify.ts [sessions] [rounds]`
 */
const [sessions = 500, rounds = 5] = process.argv.slice(2).map(Number)
const equation = await fastEquation()
const world = makeWorld()
const lane = new LaneFixture(world)
for (let session = 0; session < sessions; session++) recordSession(lane, `s-${session}`)
/** Alone is how a lone agent's events come, and in 64s how those of a busy gateway do. */
const alone = signedTogether(lane.leaves, world.signers.monitor, 1)
const together = signedTogether(lane.leaves, world.signers.monitor, 64)
const spki = Buffer.from(world.signers.monitor.key.spki)
const key = createPublicKey({ key: spki, format: "der", type: "spki" })
const signed = alone.map(({ leaf, signature: text }) => {
  const proof = parseSignature(text)
  return { message: commitMessage(hashLeaf(leaf), proof), signature: proof.signature }
})

function perSecond(work: () => void): number {
  // CPU time, so that a busy machine counts less against it.
  const started = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(started)
  return Math.round((alone.length * 1_000_000) / (user + system))
}

function verifyAll(leaves: readonly SignedLeaf[], by: typeof equation): void {
  const verdict = verifyChain(leaves, { lane: laneName, keyring: world.keyring, equation: by })
  if (!verdict.accepted) throw new Error(verdict.findings[0].code)
}

function verifySignatures(): void {
  for (const { message, signature } of signed)
    if (!verify(null, message, key, signature)) throw new Error("bad signature")
}

const measured = Array.from({ length: rounds }, () => ({
  full: perSecond(() => verifyAll(alone, equation)),
  together: perSecond(() => verifyAll(together, equation)),
  bare: perSecond(verifySignatures),
  platform: perSecond(() => verifyAll(alone, undefined)),
}))
const bare = measured.map((round) => round.bare)
const full = measured.map((round) => round.full)
const in64s = measured.map((round) => round.together)
const platform = measured.map((round) => round.platform)
console.log(
  JSON.stringify({
    bench: "verify",
    events: alone.length,
    hasLibsodium: equation !== undefined,
    events_per_cpu_second: spread(full),
    ed25519PerCpuSecond: spread(bare),
    overEd25519: ratios(full, bare),
    in64s: { events_per_cpu_second: spread(in64s), overEd25519: ratios(in64s, bare) },
    platform: { eventsPerCpuSecond: spread(platform), overEd25519: ratios(platform, bare) },
  }),
)
