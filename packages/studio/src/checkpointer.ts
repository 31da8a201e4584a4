import { type AuditCode, type Checkpoint, isFault, toHex } from "@amc/core"
import type { RecorderClient } from "@amc/ledger"
import type { Notary } from "@amc/vault"
import type { Keeper, KeptTree } from "./checkpoint-keeper.ts"

/** What checkpoints are made with. */
export interface CheckpointerTerms {
  readonly recorder: Pick<RecorderClient, "checkpoint">
  readonly notary: Pick<Notary, "signCheckpoint">
  /** Keeps one checkpoint here and now, and is closed afterwards. */
  readonly openKeeper: () => Keeper
  /** Keeps one after the other beside the work, from the first that the time makes on. */
  readonly startKeeper: () => Keeper
  readonly audit: (code: AuditCode, subject: string, detail: string) => Promise<void>
  readonly clock: () => number
  readonly everyMs: number
}

/** A checkpoint that is signed and kept. */
export interface KeptCheckpoint {
  readonly checkpoint: Checkpoint
  readonly note: string
}

/** While events come, when a checkpoint was there is remembered this often. */
const pinEveryMs = 60_000

/**
 * Makes checkpoints of a ledger that is being written: at most one in each span of time while events come, one at
 * the end, and one whenever it is asked. Those that nobody asked for delay nobody and fail nobody: what
 * goes wrong with them is an audit.
 */
export class Checkpointer {
  readonly #terms: CheckpointerTerms
  #timer: NodeJS.Timeout | null = null
  #thread: Keeper | null = null
  #last: Promise<unknown> = Promise.resolve()
  #size = 0
  #pinnedMs = Number.NEGATIVE_INFINITY
  #isFailing = false
  #isClosed = false

  constructor(terms: CheckpointerTerms) {
    this.#terms = terms
  }

  /** Begins to look for new events. */
  start(): void {
    this.#timer = setTimeout(() => {
      void this.#inTurn(() => this.#makeQuietly(true)).finally(() => {
        if (!this.#isClosed) this.start()
      })
    }, this.#terms.everyMs)
    this.#timer.unref()
  }

  /**
   * A checkpoint of all that is durable now, kept and remembered.
   *
   * @throws {@link AmcError} `vault/locked`, `notary/unavailable`, `store/unavailable`, `workspace/unwritable`
   */
  now(): Promise<KeptCheckpoint> {
    return this.#inTurn(async () => {
      const checkpoint = await this.#terms.recorder.checkpoint()
      return this.#keep(checkpoint, true)
    })
  }

  /** The last checkpoint, if one is due. Never fails. */
  async close(): Promise<void> {
    this.#isClosed = true
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#inTurn(() => this.#makeQuietly(false))
    try {
      await this.#thread?.close()
    } catch (error) {
      // It had nothing left to do: each checkpoint was waited for.
      if (!isFault(error)) throw error
    }
  }

  /** One at a time, so that each is of a larger tree than the one before. */
  #inTurn<T>(make: () => Promise<T>): Promise<T> {
    const made = this.#last.then(make)
    this.#last = made.catch(() => undefined)
    return made
  }

  async #makeQuietly(isBeside: boolean): Promise<void> {
    try {
      const checkpoint = await this.#terms.recorder.checkpoint()
      if (checkpoint.size <= this.#size) return
      if (isBeside) this.#thread ??= this.#terms.startKeeper()
      const sinceMs = this.#terms.clock() - this.#pinnedMs
      // A clock that was set back would otherwise have to catch up first.
      const isPinDue = sinceMs < 0 || sinceMs >= pinEveryMs
      await this.#keep(checkpoint, !isBeside || isPinDue)
    } catch (error) {
      if (!isFault(error)) throw error
      await this.#tell(error.message)
    }
  }

  async #keep(checkpoint: Checkpoint, isPinned: boolean): Promise<KeptCheckpoint> {
    const note = await this.#terms.notary.signCheckpoint(checkpoint)
    const { size, root } = checkpoint
    const nowMs = this.#terms.clock()
    const pinMs = isPinned ? nowMs : null
    const { tilesFault } = await this.#withKeeper((keeper) =>
      keeper.keep({ size, root_sha256: toHex(root), note, pinMs }),
    )
    this.#size = size
    if (isPinned) this.#pinnedMs = nowMs
    if (tilesFault === null) this.#isFailing = false
    else await this.#tell(`the tree can't be published: ${tilesFault.message}`)
    return { checkpoint, note }
  }

  async #withKeeper(use: (keeper: Keeper) => Promise<KeptTree>): Promise<KeptTree> {
    if (this.#thread !== null) return use(this.#thread)
    const keeper = this.#terms.openKeeper()
    try {
      return await use(keeper)
    } finally {
      await keeper.close()
    }
  }

  /** Once for as long as it goes on, since each audit is an event that asks for a checkpoint itself. */
  async #tell(detail: string): Promise<void> {
    if (this.#isFailing) return
    this.#isFailing = true
    try {
      await this.#terms.audit("CHECKPOINT_FAILED", "ledger", detail)
    } catch (error) {
      // A ledger that can't be written tells so to whoever records next.
      if (!isFault(error)) throw error
    }
  }
}
