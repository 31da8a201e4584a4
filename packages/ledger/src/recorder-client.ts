import type { MessagePort } from "node:worker_threads"
import {
  AmcError,
  type Checkpoint,
  malformed,
  type Observation,
  type Recorded,
  type Recorder,
} from "@amc/core"
import { HighWater, type QueueLimits } from "./high-water.ts"
import type { LaneHeads } from "./lane-writer.ts"
import { BatchPacker } from "./observation-batch.ts"
import { type PendingCall, PendingCalls } from "./pending-calls.ts"
import {
  faultOf,
  type Outcome,
  type ReplyMessage,
  type RequestMessage,
  type WriterCall,
} from "./recorder-protocol.ts"

/**
 * The recorder as other threads see it: hands observations to the writer's thread, all of one turn in
 * one message. When that thread ends, whatever waits and whatever comes is refused.
 */
export class RecorderClient implements Recorder {
  readonly #port: MessagePort
  readonly #highWater: HighWater
  readonly #pending = new PendingCalls()
  readonly #outbox = new BatchPacker()
  #nextId = 0
  #ended: AmcError | null = null

  private constructor(port: MessagePort, limits: QueueLimits | undefined) {
    this.#port = port
    this.#highWater = new HighWater(limits)
  }

  /**
   * Connects to {@link serveRecorder} at the other end of the port.
   *
   * @throws {@link AmcError} with the code with which the writer failed to open, such as `ledger/lane-taken`;
   * `store/unavailable` if its thread ended.
   */
  static open(port: MessagePort, limits?: QueueLimits): Promise<RecorderClient> {
    const client = new RecorderClient(port, limits)
    return new Promise((resolve, reject) => {
      port.on("close", () => {
        client.#end(new AmcError("store/unavailable", "the recorder's thread has ended"))
        reject(client.#ended)
      })
      port.on("message", (message: ReplyMessage) => {
        if (message.kind === "ready") resolve(client)
        else if (message.kind === "failed") reject(faultOf(message.fault))
        else if (message.kind === "answer") client.#take(message.outcome)
        else for (const outcome of outcomesIn(message.outcomes)) client.#take(outcome)
      })
    })
  }

  /** What is given is copied in the same turn; the caller may do with it what it likes. */
  async record(observation: Observation): Promise<Recorded> {
    if (this.#ended !== null) throw this.#ended
    const leave = this.#highWater.enter(observation)
    try {
      return await this.#wait<Recorded>(() => this.#put(observation))
    } finally {
      leave()
    }
  }

  /** Resolves when all that was recorded before is durable or refused. */
  flush(): Promise<void> {
    return this.#call("flush")
  }

  /** The tree over what is durable, for the notary to sign. */
  checkpoint(): Promise<Checkpoint> {
    return this.#call("checkpoint")
  }

  heads(): Promise<LaneHeads> {
    return this.#call("heads")
  }

  /** Lets the writer finish what was handed in, and ends. */
  async close(): Promise<void> {
    if (this.#ended !== null) return
    const closing = this.#call<void>("close")
    this.#ended = new AmcError("ledger/closed", "the recorder is closed")
    await closing
    this.#port.close()
  }

  #call<T>(call: WriterCall): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    this.#sendOutbox()
    return this.#wait<T>((id) => this.#send({ kind: "call", id, call }))
  }

  /** What fails to start takes no id. */
  #wait<T>(start: (id: number) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId
      start(id)
      this.#nextId++
      this.#pending.put({ id, resolve, reject })
    })
  }

  #put(observation: Observation): void {
    if (this.#outbox.size === 0) setImmediate(() => this.#sendOutbox())
    try {
      this.#outbox.add(observation)
    } catch (cause) {
      throw malformed("an observation holds what can't be sent to another thread", cause)
    }
  }

  /** Ids of a batch count up to the latest; a call in between would have sent the outbox first. */
  #sendOutbox(): void {
    const { size } = this.#outbox
    if (size === 0) return
    const batch = this.#outbox.take()
    this.#send({ kind: "record", first: this.#nextId - size, batch }, [batch.bytes.buffer])
  }

  #send(message: RequestMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }

  #take(outcome: Outcome<unknown>): void {
    this.#settle(outcome.id, ({ resolve, reject }) => {
      if ("fault" in outcome) reject(faultOf(outcome.fault))
      else resolve(outcome.value as never)
    })
  }

  #settle(id: number, settle: (pending: PendingCall) => void): void {
    const pending = this.#pending.take(id)
    if (pending !== undefined) settle(pending)
  }

  #end(fault: AmcError): void {
    this.#ended ??= fault
    for (const { reject } of this.#pending.takeAll()) reject(fault)
  }
}

function outcomesIn(text: string): Outcome<Recorded>[] {
  return JSON.parse(text) as Outcome<Recorded>[]
}
