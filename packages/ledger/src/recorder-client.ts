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
import {
  faultOf,
  type Outcome,
  type ReplyMessage,
  type RequestMessage,
  type WriterCall,
} from "./recorder-protocol.ts"

interface Pending {
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

interface Outgoing {
  readonly id: number
  readonly observation: Observation
}

/**
 * The recorder as other threads see it: hands observations to the writer's thread, all of one turn in
 * one message. When that thread ends, whatever waits and whatever comes is refused.
 */
export class RecorderClient implements Recorder {
  readonly #port: MessagePort
  readonly #highWater: HighWater
  readonly #pending = new Map<number, Pending>()
  #outbox: Outgoing[] = []
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
        else client.#take(message.kind === "answer" ? [message.outcome] : message.outcomes)
      })
    })
  }

  /** The payload's bytes are copied in the same turn; the caller may do with them what it likes. */
  async record(observation: Observation): Promise<Recorded> {
    if (this.#ended !== null) throw this.#ended
    const leave = this.#highWater.enter(observation)
    try {
      return await this.#wait<Recorded>((id) => this.#put({ id, observation }))
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

  #wait<T>(start: (id: number) => void): Promise<T> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      start(id)
    })
  }

  #put(outgoing: Outgoing): void {
    if (this.#outbox.length === 0) setImmediate(() => this.#sendOutbox())
    this.#outbox.push({ ...outgoing, observation: withOwnBytes(outgoing.observation) })
  }

  /** Ids of a message are consecutive; a call in between would have sent the outbox first. */
  #sendOutbox(): void {
    const batch = this.#outbox
    this.#outbox = []
    if (batch.length > 0) this.#sendBatch(batch)
  }

  #sendBatch(batch: readonly Outgoing[]): void {
    const observations = batch.map(({ observation }) => observation)
    const transfer = observations.flatMap(bufferOf)
    try {
      this.#send({ kind: "record", first: (batch[0] as Outgoing).id, observations }, transfer)
    } catch (cause) {
      if (batch.length > 1) return batch.forEach((one) => this.#sendBatch([one]))
      const refusal = malformed("an observation holds what can't be sent to another thread", cause)
      this.#settle((batch[0] as Outgoing).id, ({ reject }) => reject(refusal))
    }
  }

  #send(message: RequestMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer)
  }

  #take(outcomes: readonly Outcome<unknown>[]): void {
    for (const outcome of outcomes)
      this.#settle(outcome.id, ({ resolve, reject }) => {
        if ("fault" in outcome) reject(faultOf(outcome.fault))
        else resolve(outcome.value as never)
      })
  }

  #settle(id: number, settle: (pending: Pending) => void): void {
    const pending = this.#pending.get(id)
    this.#pending.delete(id)
    if (pending !== undefined) settle(pending)
  }

  #end(fault: AmcError): void {
    this.#ended ??= fault
    for (const { reject } of this.#pending.values()) reject(fault)
    this.#pending.clear()
  }
}

/** A view would be cloned with the whole buffer under it, so the bytes get one of their own. */
function withOwnBytes(observation: Observation): Observation {
  const { payload } = observation
  if (!(payload?.blob instanceof Uint8Array)) return observation
  return { ...observation, payload: { ...payload, blob: new Uint8Array(payload.blob) } }
}

function bufferOf({ payload }: Observation): ArrayBuffer[] {
  return payload?.blob instanceof Uint8Array ? [payload.blob.buffer as ArrayBuffer] : []
}
