import { type Dice, diceOf, pick } from "@amc/testkit"
import { connect, createServer, type Server } from "node:net"
import { type EgressLab, openEgressLab } from "./egress-lab.fixture.ts"
import {
  answerSeeds,
  helloSeeds,
  mutated,
  proxiedSeeds,
  requestSeeds,
} from "./fuzz-bytes.fixture.ts"
import { type Lab, type LabTerms, openLab, sha256 } from "./lab.fixture.ts"

/** What a round of fuzzing came to. */
export interface Fuzzed {
  readonly sent: number
  /** What reached the provider or host behind it. */
  readonly forwarded: number
  /** What is wrong; must be empty. */
  readonly faults: readonly string[]
}

const limits: LabTerms["limits"] & {} = { headersMs: 300, idleMs: 300, totalMs: 1000 }
const atOnce = 16

/** Mutated requests: what the provider sees must be recorded already, and every call gets its end. */
export async function fuzzRequests(seed: number, count: number): Promise<Fuzzed> {
  const dice = diceOf(seed)
  const faults: string[] = []
  const lab: Lab = await openLab({
    limits,
    handler: (_request, response, body) => {
      if (!takeRecorded(lab, body)) faults.push("a request was forwarded that is not recorded")
      response.end("{}")
    },
  })
  const seeds = requestSeeds(lab.token)
  await each(count, () => send(lab.port, [mutated(pick(dice, seeds), dice)], dice))
  const forwarded = lab.upstream.requests.length
  faults.push(...(await endingFaults(lab)))
  return { sent: count, forwarded, faults }
}

/** Mutated answers of a provider: every client gets an end, and every call a closing event. */
export async function fuzzAnswers(seed: number, count: number): Promise<Fuzzed> {
  const dice = diceOf(seed)
  let forwarded = 0
  const server = await hostile(dice, () => forwarded++)
  const { port } = server.address() as { port: number }
  const lab = await openLab({ limits, upstream: { origin: `http://127.0.0.1:${port}` } })
  const [request] = requestSeeds(lab.token)
  await each(count, () => send(lab.port, [request ?? Buffer.alloc(0)], dice))
  const faults = await endingFaults(lab)
  const requests = lab.recorder.of("llm_request").length
  if (forwarded > requests) faults.push(`${forwarded} forwarded, ${requests} recorded`)
  await new Promise((resolve) => server.close(resolve))
  return { sent: count, forwarded, faults }
}

/** Mutated CONNECT requests and what follows them: no connection is made that is not recorded. */
export function fuzzTunnels(seed: number, count: number): Promise<Fuzzed> {
  const dice = diceOf(seed)
  return fuzzEgress({
    dice,
    count,
    answer: () => Buffer.from("answer"),
    piecesFor: (lab) => {
      const names = [`host.test:${lab.host.port}`, "evil.test:443", "[::1]:443", "127.0.0.1:80"]
      const plain = `GET http://host.test:${lab.host.port}/ HTTP/1.1\r\n\r\n`
      const head = dice() < 0.9 ? lab.connectHead(pick(dice, names)) : plain
      // Half of the heads are good, so that what follows them is looked at too.
      const bytes = Buffer.from(head, "latin1")
      const first = dice() < 0.5 ? bytes : mutated(bytes, dice)
      return [first, mutated(pick(dice, helloSeeds), dice)]
    },
  })
}

/** Mutated plain requests to a host whose answers are mutated too. */
export function fuzzProxied(seed: number, count: number): Promise<Fuzzed> {
  const dice = diceOf(seed)
  return fuzzEgress({
    dice,
    count,
    answer: () => mutated(pick(dice, answerSeeds), dice),
    piecesFor: (lab) => [
      mutated(pick(dice, proxiedSeeds(lab.connectHead("x"), lab.host.port)), dice),
    ],
  })
}

interface EgressFuzz {
  readonly dice: Dice
  readonly count: number
  /** What the host says to whoever connects. */
  readonly answer: () => Buffer
  readonly piecesFor: (lab: EgressLab) => readonly Buffer[]
}

async function fuzzEgress({ dice, count, answer, piecesFor }: EgressFuzz): Promise<Fuzzed> {
  const faults: string[] = []
  const lab = await openEgressLab({
    limits: { helloMs: 200, idleMs: 200, headMs: 300 },
    onConnection: (socket) => {
      if (lab.opened().length < lab.host.connections)
        faults.push("a connection was made that is not recorded")
      socket.on("error", () => undefined).end(answer())
    },
  })
  await each(count, () => send(lab.port, piecesFor(lab), dice))
  const forwarded = lab.host.connections
  const alive = await fetch(`http://127.0.0.1:${lab.port}/amc/health`)
  if (alive.status !== 200) faults.push(`it answers ${alive.status} when asked for its health`)
  await lab.egress.close()
  const opened = lab.opened().length
  const closed = lab.moved().filter(({ completeness }) => completeness !== "open").length
  if (opened !== closed) faults.push(`${opened} connections opened, ${closed} closed`)
  await lab.close()
  return { sent: count, forwarded, faults }
}

/** Takes the event of a body that arrives out of those that are still to arrive. */
function takeRecorded({ recorder }: Lab, body: Buffer): boolean {
  const digest = sha256(body)
  const taken = arrived.get(recorder) ?? []
  arrived.set(recorder, [...taken, digest])
  const recorded = recorder.of("llm_request").filter(({ payload }) => payload?.sha256 === digest)
  return recorded.length > taken.filter((each) => each === digest).length
}

const arrived = new WeakMap<object, readonly string[]>()

async function endingFaults(lab: Lab): Promise<string[]> {
  const faults: string[] = []
  const alive = await fetch(`http://127.0.0.1:${lab.port}/amc/health`)
  if (alive.status !== 200) faults.push(`it answers ${alive.status} when asked for its health`)
  await lab.gateway.close()
  const calls = lab.recorder.of("llm_request").map(({ facts }) => facts.measured.call_id)
  const closed = lab.recorder.of("llm_response").map(({ facts }) => facts.measured.call_id)
  if (calls.toSorted().join() !== closed.toSorted().join())
    faults.push(`${calls.length} calls have ${closed.length} closing events`)
  await lab.close()
  return faults
}

async function each(count: number, work: () => Promise<void>): Promise<void> {
  let left = count
  const worker = async (): Promise<void> => {
    while (left-- > 0) await work()
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** Sends pieces, and hangs up when nothing has come for a while. */
function send(port: number, pieces: readonly Buffer[], dice: Dice): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1")
    socket.setTimeout(60 + dice() * 60, () => socket.destroy())
    socket.on("error", () => undefined)
    socket.on("data", () => undefined)
    socket.on("end", () => socket.end())
    socket.on("close", () => resolve())
    for (const piece of pieces) {
      const cut = Math.floor(dice() * piece.length)
      socket.write(piece.subarray(0, cut))
      socket.write(piece.subarray(cut))
    }
    if (dice() < 0.1) socket.end()
  })
}

/** A provider that answers each request with changed bytes, and ends in one way or another. */
async function hostile(dice: Dice, onRequest: () => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined)
    let text = ""
    socket.on("data", (piece) => {
      text += piece.toString("latin1")
      const end = text.indexOf("\r\n\r\n") + 4
      const [, length = "0"] = /content-length: (\d+)/i.exec(text) ?? []
      if (end < 4 || text.length < end + Number(length)) return
      text = text.slice(end + Number(length))
      onRequest()
      const answer = mutated(pick(dice, answerSeeds), dice)
      const cut = Math.floor(dice() * answer.length)
      socket.write(answer.subarray(0, cut))
      const how = dice()
      socket.write(answer.subarray(cut), () => {
        if (how < 0.3) socket.end()
        else if (how < 0.5) socket.resetAndDestroy()
      })
    })
  })
  server.listen(0, "127.0.0.1")
  await new Promise((resolve) => server.once("listening", resolve))
  return server
}
