import type { MessagePort } from "node:worker_threads"
import type { Recorded } from "@amc/core"
import type { LaneWriter } from "./lane-writer.ts"
import { unpackObservations } from "./observation-batch.ts"
import {
  faultMessage,
  type Outcome,
  type ReplyMessage,
  type RequestMessage,
  type WriterCall,
} from "./recorder-protocol.ts"

/**
 * Serves a writer to the {@link RecorderClient} at the other end of a port. Resolves when that has
 * closed it and everything is written; the caller then closes the store.
 *
 * Pass the promise of opening: if it fails with a fault, the client gets that fault.
 */
export async function serveRecorder(
  port: MessagePort,
  opening: LaneWriter | Promise<LaneWriter>,
): Promise<void> {
  let writer: LaneWriter
  try {
    writer = await opening
  } catch (error) {
    send(port, { kind: "failed", fault: faultMessage(error) })
    port.close()
    return
  }
  await new RecorderServer(port, writer).run()
}

class RecorderServer {
  readonly #port: MessagePort
  readonly #writer: LaneWriter
  #outcomes: Outcome<Recorded>[] = []

  constructor(port: MessagePort, writer: LaneWriter) {
    this.#port = port
    this.#writer = writer
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      // A client that goes away without a word has gone with its process or thread.
      this.#port.on("close", () => this.#writer.close().then(resolve, reject))
      this.#port.on("message", (message: RequestMessage) => {
        if (message.kind === "record")
          unpackObservations(message.batch).forEach((one, at) =>
            this.#record(message.first + at, one),
          )
        else this.#answer(message.id, message.call).catch(reject)
      })
      send(this.#port, { kind: "ready" })
    })
  }

  #record(id: number, observation: Parameters<LaneWriter["record"]>[0]): void {
    this.#writer.record(observation).then(
      (value) => this.#reply({ id, value }),
      (error: unknown) => this.#reply({ id, fault: faultMessage(error) }),
    )
  }

  /** A whole group is settled at once, so that all its outcomes come before this microtask: they go back in one message. */
  #reply(outcome: Outcome<Recorded>): void {
    if (this.#outcomes.length === 0) queueMicrotask(() => this.#sendOutcomes())
    this.#outcomes.push(outcome)
  }

  #sendOutcomes(): void {
    const outcomes = this.#outcomes
    this.#outcomes = []
    if (outcomes.length > 0)
      send(this.#port, { kind: "recorded", outcomes: JSON.stringify(outcomes) })
  }

  async #answer(id: number, call: WriterCall): Promise<void> {
    let outcome: Outcome<unknown>
    try {
      outcome = { id, value: await this.#call(call) }
    } catch (error) {
      outcome = { id, fault: faultMessage(error) }
    }
    this.#sendOutcomes()
    send(this.#port, { kind: "answer", outcome })
  }

  #call(call: WriterCall): unknown {
    return this.#writer[call]()
  }
}

function send(port: MessagePort, message: ReplyMessage): void {
  port.postMessage(message)
}
