import type { Duplex } from "node:stream"
import { AmcError } from "@amc/core"
import { request as httpRequest } from "node:http"
import { text } from "node:stream/consumers"
import { setTimeout as pause } from "node:timers/promises"
import { Agent, type Dispatcher, request } from "undici"

/** Only a name: the connection goes to the socket. */
const origin = "http://engine"
const answerMs = 60_000
const mostWords = 300
const mostTries = 5
const pauseMs = 200

/** What is asked of an engine. */
export interface EngineCall {
  readonly method: "GET" | "POST" | "DELETE"
  readonly path: string
  readonly query?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly tar?: Uint8Array
  /** Answers that come when something has ended are waited for without an end. */
  readonly isEndless?: boolean
}

/** A client of the engine API, which docker and podman both serve on a unix socket. */
export class Engine {
  readonly #agent: Agent
  readonly #name: string
  readonly #socketPath: string

  readonly #onClose: () => Promise<void>

  /** `onClose` is called when the client is not used any more, for who started the engine for it alone. */
  constructor(name: string, socketPath: string, onClose: () => Promise<void> = async () => {}) {
    this.#name = name
    this.#socketPath = socketPath
    this.#onClose = onClose
    this.#agent = new Agent({ connect: { socketPath, timeout: 5000 } })
  }

  /**
   * Asks, and gives the answer's text; an engine's word is not to be trusted for more than what it did.
   *
   * @throws {@link AmcError} `sandbox/unavailable` if nobody answers, `sandbox/start-failed` if the engine refuses
   */
  async text(call: EngineCall): Promise<string> {
    const { statusCode, said } = await this.#answer(call)
    if (statusCode < 400) return said
    throw new AmcError("sandbox/start-failed", `${this.#name} refused: ${wordsOf(said)}`, {
      cause: { status: statusCode, path: call.path },
    })
  }

  /** The same for an answer that is JSON. */
  async json(call: EngineCall): Promise<unknown> {
    return JSON.parse(await this.text(call)) as unknown
  }

  /** The same, null for what is not there. */
  async found(call: EngineCall): Promise<unknown> {
    const { statusCode, said } = await this.#answer(call)
    if (statusCode === 404) return null
    if (statusCode < 400) return said === "" ? {} : (JSON.parse(said) as unknown)
    throw new AmcError("sandbox/start-failed", `${this.#name} refused: ${wordsOf(said)}`)
  }

  /**
   * Turns the connection into the two-way stream of what is at the path.
   *
   * @throws {@link AmcError} `sandbox/start-failed`
   */
  stream({ path, query = {} }: Pick<EngineCall, "path" | "query">): Promise<Duplex> {
    // Not undici: it keeps to itself what an engine says that refuses.
    const asked = httpRequest({
      socketPath: this.#socketPath,
      method: "POST",
      path: `${path}?${new URLSearchParams(query)}`,
      headers: { connection: "Upgrade", upgrade: "tcp" },
    })
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>()
    const fail = (why: string): void =>
      reject(new AmcError("sandbox/start-failed", `${this.#name} gave no streams: ${why}`))
    asked.on("upgrade", (_, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    asked.on("response", (answer) => void text(answer).then((said) => fail(wordsOf(said)), fail))
    asked.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? "no answer"))
    asked.end()
    return promise
  }

  /** Breaks off whatever is still waited for. */
  async close(): Promise<void> {
    await this.#agent.destroy()
    await this.#onClose()
  }

  /** Podman fails to tell of anything while it removes something else for another run; then it is asked again. */
  async #answer(call: EngineCall): Promise<{ statusCode: number; said: string }> {
    for (let tries = 1; ; tries++) {
      const { statusCode, body } = await this.#ask(call)
      const said = await body.text()
      const isOdd = statusCode >= 500 && call.method === "GET"
      if (!isOdd || tries === mostTries) return { statusCode, said }
      await pause(pauseMs)
    }
  }

  async #ask(call: EngineCall): Promise<Dispatcher.ResponseData> {
    const { method, path, query = {}, json, tar, isEndless = false } = call
    const timeout = isEndless ? 0 : answerMs
    const [type, body] =
      json === undefined ? ["application/x-tar", tar] : ["application/json", JSON.stringify(json)]
    try {
      return await request(`${origin}${path}?${new URLSearchParams(query)}`, {
        dispatcher: this.#agent,
        method,
        headersTimeout: timeout,
        bodyTimeout: timeout,
        ...(body === undefined ? {} : { headers: { "content-type": type }, body }),
      })
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? "no answer"
      throw new AmcError("sandbox/unavailable", `${this.#name} does not answer: ${code}`, { cause })
    }
  }
}

/** The engine's own words, in one line. */
function wordsOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }
    if (typeof message === "string") return message.replaceAll(/\s+/g, " ").slice(0, mostWords)
  } catch {
    // Not JSON: shown as it is.
  }
  return text.replaceAll(/\s+/g, " ").trim().slice(0, mostWords)
}
