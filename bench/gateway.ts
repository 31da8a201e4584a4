import { loadavg } from "node:os"
import { type Answer, paths, requestBody } from "./gateway/bodies.ts"
import type { Slice, Sliced } from "./gateway/load-main.ts"
import { PinnedProcess, type Usage } from "./gateway/pinned-process.ts"
import { differences, ratios, rounded, type Spread, spread } from "./statistics.ts"

/**
 * The gateway with everything on against a bare node:http + undici proxy that records nothing: each on
 * one core with all its threads, load and provider on the other, in turns, the order reversed each round.
 * Prints JSON. `node bench/gateway.ts [rounds] [seconds per slice] [case]`
 */
const [rounds = 5, seconds = 2] = process.argv.slice(2, 4).map(Number)
const [loadCore, targetCore] = [0, 1]

interface Case {
  readonly name: string
  readonly answer: Answer
  readonly connections: number
}

const cases: readonly Case[] = [
  { name: "json64", answer: "json", connections: 64 },
  { name: "json16", answer: "json", connections: 16 },
  { name: "json1", answer: "json", connections: 1 },
  { name: "stream16", answer: "burst", connections: 16 },
  { name: "firstByte1", answer: "paced", connections: 1 },
  { name: "firstByte32", answer: "paced", connections: 32 },
]

interface Target {
  readonly process: PinnedProcess
  readonly port: number
  readonly token: string
  readonly prefix: string
  readonly mustHold: string
}

interface Measured extends Sliced {
  readonly perSecond: number
  readonly cpuMicros: number
  /** How much of its core the target had: well below 1, it was not the target that was slow. */
  readonly busy: number
  readonly rssBytes: number
  readonly events: number
}

type TargetName = "bare" | "amc"

async function startTarget(name: TargetName, upstreamPort: number): Promise<Target> {
  const { process, ready } = await PinnedProcess.start<{ port: number; token: string }>(
    name,
    targetCore,
    { upstreamPort },
  )
  const isAmc = name === "amc"
  return {
    process,
    ...ready,
    prefix: isAmc ? "/openai" : "",
    mustHold: isAmc ? "x-amc-request-receipt" : "",
  }
}

function requestTo({ token, prefix }: Target, answer: Answer): string {
  const body = requestBody(answer !== "json")
  const head = [
    `POST ${prefix}${paths[answer]} HTTP/1.1`,
    "Host: gateway",
    "Accept: application/json",
    "User-Agent: OpenAI/JS 6.0.0",
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    `Content-Length: ${body.length}`,
  ]
  return Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]).toString("base64")
}

async function measure(load: PinnedProcess, target: Target, one: Case): Promise<Measured> {
  const { port, mustHold } = target
  const request = requestTo(target, one.answer)
  const slice: Slice = { port, connections: one.connections, seconds, request, mustHold }
  const before = await target.process.ask<Usage>("usage")
  const sliced = await load.ask<Sliced>(slice)
  const after = await target.process.ask<Usage>("usage")
  const cpu = after.cpuMicros - before.cpuMicros
  const events = after.events - before.events
  if (mustHold !== "" && events !== 2 * sliced.answers)
    throw new Error(`${sliced.answers} answers left ${events} events`)
  return {
    ...sliced,
    perSecond: sliced.answers / sliced.seconds,
    cpuMicros: cpu / sliced.answers,
    busy: cpu / (sliced.seconds * 1e6),
    rssBytes: after.rssBytes,
    events,
  }
}

/** A compiler that is still at work takes a third of the core; so many calls later it is done. */
async function warmUp(load: PinnedProcess, target: Target): Promise<void> {
  const one: Case = { name: "warm-up", answer: "json", connections: 64 }
  for (let answers = 0, slices = 0; answers < 30_000 && slices < 15; slices++)
    answers += (await measure(load, target, one)).answers
}

async function measureCase(
  one: Case,
  load: PinnedProcess,
  targets: Record<TargetName, Target>,
): Promise<object> {
  const all: Record<TargetName, Measured[]> = { bare: [], amc: [] }
  const loads: number[] = []
  for (let round = 0; round < rounds; round++) {
    const order: TargetName[] = round % 2 === 0 ? ["bare", "amc"] : ["amc", "bare"]
    for (const name of order) all[name].push(await measure(load, targets[name], one))
    loads.push(loadavg()[0] ?? 0)
  }
  return { ...one, ...figuresOf(all), loadAverage: spread(loads) }
}

function figuresOf(all: Record<TargetName, Measured[]>): object {
  const of = (name: TargetName, member: keyof Measured): number[] =>
    all[name].map((one) => one[member])
  const ratioOf = (member: keyof Measured): Spread => ratios(of("amc", member), of("bare", member))
  const own = (name: TargetName): object =>
    Object.fromEntries(
      (["perSecond", "cpuMicros", "busy", "p50Ms", "p99Ms", "firstByteP50Ms"] as const).map(
        (member) => [member, spread(of(name, member))],
      ),
    )
  return {
    perSecondRatio: ratioOf("perSecond"),
    cpuRatio: ratioOf("cpuMicros"),
    p50Ratio: ratioOf("p50Ms"),
    firstByteAddedMs: differences(of("amc", "firstByteP50Ms"), of("bare", "firstByteP50Ms")),
    events: of("amc", "events").reduce((sum, count) => sum + count, 0),
    rssMb: rounded(Math.max(...of("amc", "rssBytes")) / 1e6),
    bare: own("bare"),
    amc: own("amc"),
  }
}

const upstream = await PinnedProcess.start<{ port: number }>("upstream", loadCore, {})
const load = await PinnedProcess.start("load", loadCore, {})
const targets = {
  bare: await startTarget("bare", upstream.ready.port),
  amc: await startTarget("amc", upstream.ready.port),
}
for (const target of Object.values(targets)) await warmUp(load.process, target)
const figures: Record<string, object> = {}
for (const one of cases)
  if ((process.argv[4] ?? one.name) === one.name)
    figures[one.name] = await measureCase(one, load.process, targets)
await Promise.all(
  [upstream, load]
    .map((each) => each.process.stop())
    .concat(Object.values(targets).map((target) => target.process.stop())),
)
console.log(JSON.stringify({ bench: "gateway", rounds, secondsPerSlice: seconds, ...figures }))
