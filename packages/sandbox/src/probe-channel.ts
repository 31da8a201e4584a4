import { randomBytes } from "node:crypto"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
import { answerBegin, answerEnd, parseAnswer, type ProbeAnswer } from "./probe-answer.ts"
import { encodeOrder, type ProbeOrder } from "./probe-order.ts"

const lineLimit = 4096
const mostLines = 512
const answerDeadlineMs = 20_000

/** The talk with a probe over the streams that become the agent's. */
export class ProbeChannel {
  readonly #stdin: Writable
  readonly #stdout: Readable

  constructor(stdin: Writable, stdout: Readable) {
    this.#stdin = stdin
    this.#stdout = stdout
  }

  /**
   * Sends the order and gives the answer.
   *
   * @throws {@link AmcError} `sandbox/probe-failed`
   */
  async ask(order: ProbeOrder): Promise<ProbeAnswer> {
    this.#stdin.write(encodeOrder(order))
    const first = await this.#line()
    if (first !== answerBegin)
      throw new AmcError("sandbox/probe-failed", `the probe did not answer: ${reasonIn(first)}`)
    const lines: string[] = []
    for (let line = await this.#line(); line !== answerEnd; line = await this.#line()) {
      if (line === null || lines.push(line) > mostLines) throw noAnswer()
    }
    const answer = parseAnswer(lines)
    if (answer === null) throw noAnswer()
    return answer
  }

  /**
   * Lets the probe become the agent. From here on the streams are the agent's.
   *
   * @throws {@link AmcError} `sandbox/start-failed` if the command can't be run
   */
  async go(): Promise<void> {
    const nonce = randomBytes(16).toString("hex")
    this.#stdin.write(`GO! ${nonce}`)
    const line = await this.#line()
    if (line === `started ${nonce}`) return
    throw new AmcError(
      "sandbox/start-failed",
      `the agent's command could not be started: ${reasonIn(line)}`,
    )
  }

  /** Sends the probe away. */
  refuse(): void {
    this.#stdin.write("NO! ".padEnd(36, "0"))
  }

  /** One line; what follows it is left in the stream. */
  #line(): Promise<string | null> {
    return readLine(this.#stdout)
  }
}

function noAnswer(): AmcError {
  return new AmcError("sandbox/probe-failed", "the probe's answer is not one")
}

function reasonIn(line: string | null): string {
  return /^failed ([A-Z0-9]{1,32})$/.exec(line ?? "")?.[1] ?? "no answer"
}

/** One line of a stream, or null where there is none in time; what follows it stays in the stream. */
export function readLine(stream: Readable): Promise<string | null> {
  return new Promise((resolve) => {
    const parts: Buffer[] = []
    let size = 0
    const settle = (line: string | null): void => {
      clearTimeout(timer)
      stream.off("readable", read).off("end", stop).off("close", stop).off("error", stop)
      resolve(line)
    }
    const stop = (): void => settle(null)
    const read = (): void => {
      for (let part = take(stream); part !== null; part = take(stream)) {
        const newline = part.indexOf(10)
        parts.push(newline < 0 ? part : part.subarray(0, newline))
        size += newline < 0 ? part.length : newline
        if (size > lineLimit) return stop()
        if (newline < 0) continue
        if (newline + 1 < part.length) stream.unshift(part.subarray(newline + 1))
        return settle(Buffer.concat(parts).toString("latin1"))
      }
    }
    const timer = setTimeout(stop, answerDeadlineMs)
    stream.on("readable", read).on("end", stop).on("close", stop).on("error", stop)
    // What is over says so no more.
    if (stream.readableEnded || stream.destroyed) stop()
    else read()
  })
}

function take(stream: Readable): Buffer | null {
  return stream.read() as Buffer | null
}
