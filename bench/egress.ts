import { execFileSync } from "node:child_process"
import { existsSync } from "node:fs"
import { loadavg } from "node:os"
import { fileURLToPath } from "node:url"
import { basic, helloFor } from "../packages/gateway/src/egress-lab.fixture.ts"
import type { TunnelCount } from "./egress/amc-main.ts"
import type { TunnelSlice, TunnelSliced } from "./egress/load-main.ts"
import { PinnedProcess, type Usage } from "./gateway/pinned-process.ts"
import { ratios, type Spread, spread } from "./statistics.ts"

/**
 * The egress proxy with everything on against proxy-chain, which records nothing: each on one core with all
 * its threads, load and host on the other, in turns, the order reversed each round. A tunnel is opened, says
 * a ClientHello, gets 1 KB and is closed. Prints JSON. `node bench/egress.ts [rounds] [seconds per slice]`
 */
const [rounds = 5, seconds = 3] = process.argv.slice(2, 4).map(Number)
const [loadCore, targetCore] = [0, 1]
/** As in the first row of the gateway's gates. */
const parallel = 64

const baseline = fileURLToPath(new URL("egress-baseline", import.meta.url))
if (!existsSync(`${baseline}/node_modules/proxy-chain`))
  execFileSync("npm", ["ci", "--ignore-scripts", "--loglevel=error"], {
    cwd: baseline,
    stdio: ["ignore", "ignore", "inherit"],
  })

interface Target {
  readonly process: PinnedProcess
  readonly port: number
  readonly token: string
}

interface Measured extends TunnelSliced {
  readonly perSecond: number
  readonly cpuMicros: number
  readonly busy: number
  readonly events: number
}

type TargetName = "chain" | "amc"

async function startTarget(name: TargetName, hostPort: number): Promise<Target> {
  const { process, ready } = await PinnedProcess.start<{ port: number; token: string }>(
    `../egress/${name}`,
    targetCore,
    { hostPort },
  )
  return { process, ...ready }
}

function opening({ token }: Target, hostPort: number): string {
  const place = `localhost:${hostPort}`
  return `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\nProxy-Authorization: ${basic(token)}\r\n\r\n`
}

const host = await PinnedProcess.start<{ port: number }>("../egress/host", loadCore, {})
const load = await PinnedProcess.start("../egress/load", loadCore, {})
const hostPort = host.ready.port
const targets = {
  chain: await startTarget("chain", hostPort),
  amc: await startTarget("amc", hostPort),
}

/** Tunnels since the start. */
const made: Record<TargetName, number> = { chain: 0, amc: 0 }

async function measure(name: TargetName): Promise<Measured> {
  const target = targets[name]
  const slice: TunnelSlice = {
    port: target.port,
    parallel,
    seconds,
    connect: Buffer.from(opening(target, hostPort)).toString("base64"),
    // Of the size that browsers send.
    hello: helloFor("localhost", { pad: 400 }).toString("base64"),
  }
  const before = await target.process.ask<Usage>("usage")
  const sliced = await load.process.ask<TunnelSliced>(slice)
  const after = await target.process.ask<Usage>("usage")
  const cpu = after.cpuMicros - before.cpuMicros
  const events = after.events - before.events
  made[name] += sliced.tunnels
  return {
    ...sliced,
    perSecond: sliced.tunnels / sliced.seconds,
    cpuMicros: cpu / sliced.tunnels,
    busy: cpu / (sliced.seconds * 1e6),
    events,
  }
}

// A compiler that is still at work takes a third of the core.
for (const name of ["chain", "amc"] as const)
  for (let slices = 0; slices < 3; slices++) await measure(name)

const all: Record<TargetName, Measured[]> = { chain: [], amc: [] }
const loads: number[] = []
for (let round = 0; round < rounds; round++) {
  const order: TargetName[] = round % 2 === 0 ? ["chain", "amc"] : ["amc", "chain"]
  for (const name of order) all[name].push(await measure(name))
  loads.push(loadavg()[0] ?? 0)
}

const of = (name: TargetName, member: keyof Measured): number[] =>
  all[name].map((one) => one[member])
const ratioOf = (member: keyof Measured): Spread => ratios(of("amc", member), of("chain", member))
const own = (name: TargetName): object =>
  Object.fromEntries(
    (["perSecond", "cpuMicros", "busy", "p50Ms", "p99Ms"] as const).map((member) => [
      member,
      spread(of(name, member)),
    ]),
  )
const recorded = await targets.amc.process.ask<TunnelCount>("settle")
if (recorded.opened !== made.amc || recorded.closed !== made.amc)
  throw new Error(`${made.amc} tunnels are ${JSON.stringify(recorded)} in the ledger`)
await Promise.all([host, load].map((each) => each.process.stop()))
await Promise.all(Object.values(targets).map(({ process }) => process.stop()))
console.log(
  JSON.stringify({
    bench: "egress",
    rounds,
    secondsPerSlice: seconds,
    parallel,
    perSecondRatio: ratioOf("perSecond"),
    cpuRatio: ratioOf("cpuMicros"),
    p50Ratio: ratioOf("p50Ms"),
    chain: own("chain"),
    amc: own("amc"),
    events: of("amc", "events").reduce((sum, count) => sum + count, 0),
    loadAverage: spread(loads),
  }),
)
