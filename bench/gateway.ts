import { loadavg } from "node:os"
import { type Answer, paths, requestBody } from "./gateway/bodies.ts"
import type { Slice, Sliced } from "./gateway/load-main.ts"
import { PinnedProcess, type Usage } from "./gateway/pinned-process.ts"
import { whyNoPortkey } from "./gateway/portkey-install.ts"
import { differences, ratios, rounded, type Spread, spread } from "./statistics.ts"

/**
 * The gateway with everything on against a bare node:http + undici proxy and Portkey's gateway, which record
 * nothing: each on one core with all its threads, load and provider on the other, in turns, the order
 * reversed each round.
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
  readonly name: TargetName
  readonly process: PinnedProcess
  readonly port: number
  readonly token: string
  readonly upstreamPort: number
}

interface Measured extends Sliced {
  readonly perSecond: number
  readonly cpuMicros: number
  /** How much of its core the target had: well below 1, it was not the target that was slow. */
  readonly busy: number
  readonly rssBytes: number
  readonly events: number
}

type TargetName = "bare" | "floor" | "amc" | "portkey"

async function startTarget(name: TargetName, upstreamPort: number): Promise<Target> {
  const { process, ready } = await PinnedProcess.start<{ port: number; token: string }>(
    name,
    targetCore,
    { upstreamPort },
  )
  return { name, process, ...ready, upstreamPort }
}

/** How a target is told where to forward to. */
const routes: Record<TargetName, (answer: Answer, upstreamPort: number) => readonly string[]> = {
  bare: (answer) => [`POST ${paths[answer]} HTTP/1.1`],
  floor: (answer) => [`POST ${paths[answer]} HTTP/1.1`],
  amc: (answer) => [`POST /openai${paths[answer]} HTTP/1.1`],
  portkey: (answer, upstreamPort) => [
    "POST /v1/chat/completions HTTP/1.1",
    "x-portkey-provider: openai",
    `x-portkey-custom-host: http://127.0.0.1:${upstreamPort}${paths[answer].replace(/\/chat\/.*/, "")}`,
  ],
}

function requestTo({ name, token, upstreamPort }: Target, answer: Answer): string {
  const body = requestBody(answer !== "json")
  const head = [
    ...routes[name](answer, upstreamPort),
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
  const { port } = target
  const mustHold = target.name === "amc" || target.name === "floor" ? "x-amc-request-receipt" : ""
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
  targets: readonly Target[],
): Promise<object> {
  const all: Record<TargetName, Measured[]> = { bare: [], floor: [], amc: [], portkey: [] }
  const loads: number[] = []
  for (let round = 0; round < rounds; round++) {
    for (const target of round % 2 === 0 ? targets : targets.toReversed())
      all[target.name].push(await measure(load, target, one))
    loads.push(loadavg()[0] ?? 0)
  }
  return { ...one, ...figuresOf(all), loadAverage: spread(loads) }
}

function figuresOf(all: Record<TargetName, Measured[]>): object {
  const of = (name: TargetName, member: keyof Measured): number[] =>
    all[name].map((one) => one[member])
  const over = (name: TargetName, member: keyof Measured): Spread =>
    ratios(of("amc", member), of(name, member))
  const own = (name: TargetName): object =>
    Object.fromEntries(
      (["perSecond", "cpuMicros", "busy", "p50Ms", "p99Ms", "firstByteP50Ms"] as const).map(
        (member) => [member, spread(of(name, member))],
      ),
    )
  const overPortkey = {
    perSecondOverPortkey: over("portkey", "perSecond"),
    cpuOverPortkey: over("portkey", "cpuMicros"),
    p50OverPortkey: over("portkey", "p50Ms"),
  }
  return {
    perSecondRatio: over("bare", "perSecond"),
    cpuRatio: over("bare", "cpuMicros"),
    p50Ratio: over("bare", "p50Ms"),
    perSecondOverFloor: over("floor", "perSecond"),
    cpuOverFloor: over("floor", "cpuMicros"),
    p50OverFloor: over("floor", "p50Ms"),
    firstByteAddedMs: differences(of("amc", "firstByteP50Ms"), of("bare", "firstByteP50Ms")),
    ...(all.portkey.length === 0 ? {} : overPortkey),
    events: of("amc", "events").reduce((sum, count) => sum + count, 0),
    rssMb: rounded(Math.max(...of("amc", "rssBytes")) / 1e6),
    bare: own("bare"),
    floor: own("floor"),
    amc: own("amc"),
    ...(all.portkey.length === 0 ? {} : { portkey: own("portkey") }),
  }
}

const why = whyNoPortkey()
if (why !== null) process.stderr.write(`ABSENT: ${why}\n`)
const names: readonly TargetName[] =
  why === null ? ["bare", "floor", "amc", "portkey"] : ["bare", "floor", "amc"]
const upstream = await PinnedProcess.start<{ port: number }>("upstream", loadCore, {})
const load = await PinnedProcess.start("load", loadCore, {})
const targets: Target[] = []
for (const name of names) targets.push(await startTarget(name, upstream.ready.port))
for (const target of targets) await warmUp(load.process, target)
const figures: Record<string, object> = {}
for (const one of cases)
  if ((process.argv[4] ?? one.name) === one.name)
    figures[one.name] = await measureCase(one, load.process, targets)
await Promise.all([upstream, load, ...targets].map((each) => each.process.stop()))
console.log(
  JSON.stringify({
    bench: "gateway",
    rounds,
    secondsPerSlice: seconds,
    ...(why === null ? {} : { absent: why }),
    ...figures,
  }),
)
