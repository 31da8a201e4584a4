import { randomBytes } from "node:crypto"
import type { Readable, Writable } from "node:stream"
import { AmcError } from "@amc/core"
import type { ProbeAnswer, ProbeOrder } from "./probe-main.ts"

const lineLimit = 64 * 1024
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
    const bytes = Buffer.from(JSON.stringify(order), "utf8")
    this.#stdin.write(bytes.length.toString(16).padStart(8, "0"))
    this.#stdin.write(bytes)
    const answer = await this.#line()
    if (!isAnswer(answer))
      throw new AmcError("sandbox/probe-failed", "the probe's answer is not one")
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
    const answer = (await this.#line()) as { started?: unknown; exec_error?: unknown } | null
    if (answer?.started === nonce) return
    const reason = typeof answer?.exec_error === "string" ? answer.exec_error : "no answer"
    throw new AmcError(
      "sandbox/start-failed",
      `the agent's command could not be started: ${reason}`,
    )
  }

  /** Sends the probe away. */
  refuse(): void {
    this.#stdin.write("NO! ".padEnd(36, "0"))
  }

  /** One line of JSON; what follows it is left in the stream. */
  async #line(): Promise<unknown> {
    const line = await readLine(this.#stdout)
    try {
      return line === null ? null : (JSON.parse(line) as unknown)
    } catch {
      return null
    }
  }
}

function readLine(stream: Readable): Promise<string | null> {
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
        size += part.length
        if (newline >= 0) {
          if (newline + 1 < part.length) stream.unshift(part.subarray(newline + 1))
          return settle(Buffer.concat(parts).toString("utf8"))
        }
        if (size > lineLimit) return stop()
      }
    }
    const timer = setTimeout(stop, answerDeadlineMs)
    stream.on("readable", read).on("end", stop).on("close", stop).on("error", stop)
    read()
  })
}

function take(stream: Readable): Buffer | null {
  return stream.read() as Buffer | null
}

function isAnswer(value: unknown): value is ProbeAnswer {
  if (typeof value !== "object" || value === null) return false
  const { results, inside } = value as Record<string, unknown>
  return (
    Array.isArray(results) &&
    results.every(isResult) &&
    typeof inside === "object" &&
    inside !== null
  )
}

function isResult(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false
  const { id, outcome } = value as Record<string, unknown>
  return typeof id === "string" && ["denied", "reached", "inconclusive"].includes(String(outcome))
}
