import { once } from "node:events"
import { Agent, createServer, request as httpRequest, type IncomingMessage } from "node:http"
import { type AddressInfo, connect, createServer as createHost } from "node:net"
import { loadavg } from "node:os"
import { json } from "node:stream/consumers"
import { setTimeout as pause } from "node:timers/promises"
import { basic, helloFor } from "../packages/gateway/src/egress-lab.fixture.ts"
import { paths, requestBody, responseBody, streamFrames } from "./gateway/bodies.ts"
import { PinnedProcess, type Usage } from "./gateway/pinned-process.ts"
import type { Settled } from "./gateway/soaked-main.ts"
import { quantile, rounded } from "./statistics.ts"

/**
 * The gateway and the egress proxy for a long time at four fifths of what they can: JSON, streams, clients
 * that leave in every phase, bodies of up to 20 MB, tunnels. Memory must be flat after a quarter of the
 * time, each request must have one closing event, and the ledger must verify. Prints JSON, and exits 1 if not.
 * `node bench/soak.ts [minutes]`
 */
const [minutes = 30] = process.argv.slice(2).map(Number)
const targetCore = 1
const share = 0.8
const MiB = 1024 * 1024

/** Another number each time, the same in each run. */
let seed = 1
function random(): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
  return seed / 0x7fffffff
}

const frames = streamFrames(32)
const whole = responseBody()
const provider = createServer((request, response) => {
  request.resume()
  request.on("error", () => undefined)
  request.once("end", () => {
    if (request.url === paths.json)
      return void response.setHeader("content-type", "application/json").end(whole)
    response.setHeader("content-type", "text/event-stream")
    if (request.url === paths.burst) for (const frame of frames) response.write(frame)
    else return void drip(response)
    response.end()
  })
})

/** Slowly enough for a client to leave in the middle. */
async function drip(response: import("node:http").ServerResponse): Promise<void> {
  for (const frame of frames.slice(0, 8)) {
    if (response.destroyed) return
    response.write(frame)
    await pause(20)
  }
  response.end()
}

const host = createHost((socket) => {
  socket.on("error", () => undefined)
  socket.once("data", () => socket.end(Buffer.alloc(4096, 7)))
})

for (const server of [provider, host]) {
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
}
const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port
const { process: target, ready } = await PinnedProcess.start<{
  port: number
  egressPort: number
  token: string
}>("soaked", targetCore, { upstreamPort: portOf(provider), hostPort: portOf(host) })
/** Fewer sockets than the gateway gives one lease, and room for those that are just being left. */
const agent = new Agent({ keepAlive: true, maxSockets: 96 })
const counts = { whole: 0, refused: 0, left: 0, failed: 0, big: 0, tunnels: 0, tunnelsFailed: 0 }
const failures = new Map<string, number>()
const going = { calls: 0 }

type Leave = "sending" | "asked" | "answered" | "never"

/** One call. Resolves when it is over, whoever ended it. */
function call(path: string, body: Buffer, leave: Leave = "never"): Promise<void> {
  going.calls++
  return new Promise<void>((resolve) => {
    let isLeaving = false
    const request = httpRequest({
      agent,
      port: ready.port,
      host: "127.0.0.1",
      method: "POST",
      path: `/openai${path}`,
      headers: {
        authorization: `Bearer ${ready.token}`,
        "content-type": "application/json",
        "content-length": body.length,
      },
    })
    const go = (): void => {
      isLeaving = true
      counts.left++
      request.destroy()
    }
    request.once("error", (error) => {
      if (!isLeaving) fail(error.message)
    })
    request.once("close", () => {
      going.calls--
      resolve()
    })
    request.once("response", (response: IncomingMessage) => {
      response.on("error", () => undefined)
      if (leave === "answered") return go()
      if (response.statusCode !== 200) return void refuse(response)
      response.resume()
      response.once("end", () => counts.whole++)
    })
    if (leave === "sending") {
      request.write(body.subarray(0, body.length >> 1), () => go())
    } else {
      request.end(body)
      if (leave === "asked") request.once("finish", () => setTimeout(go, random() * 20))
    }
  })
}

async function refuse(response: IncomingMessage): Promise<void> {
  counts.refused++
  const { code } = (await json(response)) as { code: string }
  note(code)
}

function fail(why: string): void {
  counts.failed++
  note(why)
}

function note(why: string): void {
  failures.set(why, (failures.get(why) ?? 0) + 1)
}

function tunnel(): void {
  const socket = connect(ready.egressPort, "127.0.0.1")
  const name = `host.test:${portOf(host)}`
  let received = 0
  socket.write(
    `CONNECT ${name} HTTP/1.1\r\nHost: ${name}\r\nProxy-Authorization: ${basic(ready.token)}\r\n\r\n`,
  )
  socket.once("data", () => {
    socket.write(helloFor("host.test"))
    socket.on("data", (piece) => (received += piece.length))
  })
  socket.on("error", () => undefined)
  socket.once("end", () => socket.end())
  socket.once("close", () => {
    if (received >= 4096) counts.tunnels++
    else counts.tunnelsFailed++
  })
}

const [small, streamed] = [requestBody(false), requestBody(true)]

function any(): Promise<void> {
  const dice = random()
  if (dice < 0.7) return call(paths.json, small)
  if (dice < 0.92) return call(paths.burst, streamed)
  if (dice < 0.96) return call(paths.paced, streamed)
  const leave = (["sending", "asked", "answered"] as const)[Math.floor(random() * 3)] ?? "asked"
  return call(leave === "answered" ? paths.paced : paths.json, streamed, leave)
}

function big(): Promise<void> {
  counts.big++
  const size = MiB + Math.floor(random() * 19 * MiB)
  return call(paths.json, Buffer.from(JSON.stringify({ model: "m", text: "x".repeat(size) })))
}

/** Calls per second that 32 clients get one after another. */
async function calibrate(seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000
  let done = 0
  const client = async (): Promise<void> => {
    while (performance.now() < until) {
      await any()
      done++
    }
  }
  await Promise.all(Array.from({ length: 32 }, client))
  return done / seconds
}

interface Sample {
  readonly atSeconds: number
  readonly rssMiB: number
  readonly load: number
}

/** At a rate, whether or not answers come; a second that is far behind is let go. */
async function soak(perSecond: number, seconds: number): Promise<Sample[]> {
  const samples: Sample[] = []
  const started = performance.now()
  for (let tick = 0; tick < seconds * 20; tick++) {
    const due = started + tick * 50
    await pause(Math.max(0, due - performance.now()))
    const wanted = Math.floor(((tick + 1) * perSecond) / 20) - Math.floor((tick * perSecond) / 20)
    for (let n = 0; n < wanted && going.calls < 512; n++) void any()
    if (tick % 40 === 0) void big()
    if (tick % 5 === 0) tunnel()
    if (tick % 20 !== 0) continue
    const { rssBytes } = await target.ask<Usage>("usage")
    const load = loadavg()[0] ?? 0
    samples.push({ atSeconds: tick / 20, rssMiB: rounded(rssBytes / MiB), load: rounded(load) })
  }
  return samples
}

/** By the least squares, in MiB a minute. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (one: Sample) => number): number =>
    samples.reduce((sum, one) => sum + of(one), 0) / samples.length
  const [x, y] = [mean((one) => one.atSeconds), mean((one) => one.rssMiB)]
  const over = samples.reduce((sum, one) => sum + (one.atSeconds - x) * (one.rssMiB - y), 0)
  const under = samples.reduce((sum, one) => sum + (one.atSeconds - x) ** 2, 0)
  return rounded((60 * over) / under)
}

function middle(samples: readonly Sample[]): number {
  return quantile(
    samples.map(({ rssMiB }) => rssMiB).toSorted((a, b) => a - b),
    0.5,
  )
}

await calibrate(5)
const most = await calibrate(10)
const perSecond = Math.max(1, Math.floor(most * share))
process.stderr.write(`${perSecond} calls per second for ${minutes} minutes\n`)
const samples = await soak(perSecond, minutes * 60)
for (let waited = 0; going.calls > 0 && waited < 600; waited++) await pause(100)
agent.destroy()
process.stderr.write(`settling: ${JSON.stringify(counts)}\n`)
const settled = await target.ask<Settled>("settle")
await target.stop()
provider.close()
provider.closeAllConnections()
host.close()

const quarter = Math.floor(samples.length / 4)
const warm = samples.slice(quarter)
const [early, late] = [middle(samples.slice(quarter, 2 * quarter)), middle(samples.slice(-quarter))]
/** Bodies of 20 MB come and go, so one sample says little. */
const isFlat = late <= early * 1.1 + 16
const { complete = 0 } = settled.responses
const faults = [
  ...(settled.unmatched === 0
    ? []
    : [`${settled.unmatched} calls without their one closing event`]),
  ...(settled.verified === "ok" ? [] : [`the ledger does not verify: ${settled.verified}`]),
  ...(complete >= counts.whole ? [] : ["a client has an answer that is not recorded as complete"]),
  ...(settled.tunnels.opened === settled.tunnels.closed ? [] : ["a tunnel was not closed"]),
  ...(counts.failed + counts.refused + counts.tunnelsFailed === 0
    ? []
    : [`failed: ${JSON.stringify([...failures])}`]),
  ...(isFlat ? [] : ["memory grows"]),
]
console.log(
  JSON.stringify({
    bench: "soak",
    minutes,
    calibratedPerSecond: rounded(most),
    perSecond,
    clients: counts,
    ledger: settled,
    memory: {
      judgedBy: "median of the last quarter at most 1.1 times that of the second, and 16 MiB",
      earlyMiB: early,
      lateMiB: late,
      mostMiB: Math.max(...samples.map(({ rssMiB }) => rssMiB)),
      slopeMiBPerMinute: slope(warm),
      everyTenSeconds: samples.filter((_, at) => at % 10 === 0).map(({ rssMiB }) => rssMiB),
    },
    loadAverage: { first: samples[0]?.load, last: samples.at(-1)?.load },
    faults,
  }),
)
process.exitCode = faults.length === 0 ? 0 : 1
