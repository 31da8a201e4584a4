import {
  type AddCheckpoint,
  type AmcError,
  type Checkpoint,
  equalBytes,
  isFault,
  keyId,
  type NoteVerifier,
  openNote,
  parseAddCheckpoint,
  parseCheckpoint,
  parseNote,
  signatureLine,
  signCosignature,
  type Signer,
  verifyConsistency,
} from "@amc/core"
import type { Contradiction, WitnessedCheckpoint, WitnessStore } from "./witness-store.ts"

export interface WitnessTerms {
  /** The witness's name on notes. */
  readonly name: string
  readonly signer: Signer
  /** The keys of the logs that it cosigns; a log's origin is the name of its keys. */
  readonly logs: readonly NoteVerifier[]
  readonly store: WitnessStore
  readonly clock: () => number
}

/** An answer as HTTP gives it. */
export interface WitnessAnswer {
  readonly status: 200 | 400 | 403 | 404 | 409 | 413 | 422 | 503
  readonly contentType: string
  readonly body: string
}

/** Requests that come in between are read anew this often before the witness says that it is busy. */
const attempts = 8
/** How far the clock may stand behind the last cosignature; the time then does not move. */
const clockSlackSeconds = 60

/**
 * A witness (C2SP tlog-witness): it cosigns a checkpoint only if it extends what it cosigned before, and
 * only after that is durable. So it never cosigns two trees of one size, nor a smaller one after a larger.
 */
export class Witness {
  readonly #terms: WitnessTerms

  constructor(terms: WitnessTerms) {
    this.#terms = terms
  }

  /**
   * Answers an add-checkpoint request. Total over any bytes.
   *
   * @throws {@link AmcError} `store/unavailable`
   */
  async addCheckpoint(body: Uint8Array): Promise<WitnessAnswer> {
    try {
      const request = parseAddCheckpoint(body)
      const checkpoint = parseCheckpoint(parseNote(request.note).text)
      return await this.#judge(request, checkpoint)
    } catch (error) {
      if (isFault(error, "input/malformed")) return refusal(400, error)
      if (isFault(error, "input/too-large")) return refusal(413, error)
      throw error
    }
  }

  async #judge(request: AddCheckpoint, checkpoint: Checkpoint): Promise<WitnessAnswer> {
    const keys = this.#terms.logs.filter(({ name }) => name === checkpoint.origin)
    if (keys.length === 0) return plain(404, "this witness does not know the log")
    const signed = signedNote(request.note, keys)
    if (signed === null) return plain(403, "no key of the log signed the checkpoint")
    if (request.oldSize > checkpoint.size)
      return plain(400, "the old size is above the checkpoint's")
    for (let attempt = 0; attempt < attempts; attempt++) {
      const answer = await this.#attempt(request, checkpoint, signed)
      if (answer !== null) return answer
    }
    return plain(503, "too many requests for this log at once")
  }

  /** Null if another request came in between. */
  async #attempt(
    { oldSize, path }: AddCheckpoint,
    checkpoint: Checkpoint,
    note: string,
  ): Promise<WitnessAnswer | null> {
    const { store, name, signer } = this.#terms
    const latest = await store.latest(checkpoint.origin)
    const known = latest === null ? null : parseCheckpoint(parseNote(latest.note).text)
    const isFork = known?.size === checkpoint.size && !equalBytes(known.root, checkpoint.root)
    if (latest !== null && isFork) await this.#keep("fork", latest, note)
    const size = known?.size ?? 0
    if (oldSize !== size) return sizeAnswer(size)
    if (isFork) return plain(422, "another tree of this size was cosigned before")
    if (!extendsKnown(known, checkpoint, path)) {
      if (latest !== null) await this.#keep("inconsistent", latest, note)
      return plain(422, "the proof does not show that the checkpoint extends the last one")
    }
    const time = this.#timeAfter(latest)
    if (time === null) return plain(503, "the witness's clock is behind its last cosignature")
    const next = { origin: checkpoint.origin, size: checkpoint.size, note, time }
    const { text } = parseNote(note)
    if (!(await store.swap(latest, next))) return null
    const line = signCosignature(text, { name, time }, signer)
    return { status: 200, contentType: "text/plain; charset=utf-8", body: line }
  }

  #keep(kind: Contradiction["kind"], { origin, note: kept }: WitnessedCheckpoint, sent: string) {
    const atMs = this.#terms.clock()
    return this.#terms.store.keep({ origin, kind, kept, sent, atMs })
  }

  /** Never before the last one: what was said of a later time would then contradict what is said of an earlier. */
  #timeAfter(latest: WitnessedCheckpoint | null): number | null {
    const now = Math.floor(this.#terms.clock() / 1000)
    const last = latest?.time ?? 0
    return last - now > clockSlackSeconds ? null : Math.max(now, last)
  }
}

function extendsKnown(
  known: Checkpoint | null,
  checkpoint: Checkpoint,
  path: readonly Uint8Array[],
): boolean {
  // Every tree extends the empty one, and there is nothing to prove.
  if (known === null || known.size === 0) return path.length === 0
  const [oldRoot, newRoot] = [known.root, checkpoint.root]
  return verifyConsistency({
    oldSize: known.size,
    newSize: checkpoint.size,
    oldRoot,
    newRoot,
    path,
  })
}

/** The note with the verified signatures of the log alone, so that what is kept can't be poisoned. */
function signedNote(note: string, keys: readonly NoteVerifier[]): string | null {
  try {
    const { text } = openNote(note, keys)
    const ids = new Set(keys.map(({ name, key }) => `${name} ${keyId(name, key)}`))
    const lines = parseNote(note).signatures.filter((line) => ids.has(`${line.name} ${line.keyId}`))
    return `${text}\n${lines.map(signatureLine).join("")}`
  } catch (error) {
    if (isFault(error, "note/untrusted", "note/bad-signature")) return null
    throw error
  }
}

/** Tells a client from where its proof has to start. */
function sizeAnswer(size: number): WitnessAnswer {
  return { status: 409, contentType: "text/x.tlog.size", body: `${size}\n` }
}

function refusal(status: 400 | 413, { message }: AmcError): WitnessAnswer {
  return plain(status, message)
}

function plain(status: WitnessAnswer["status"], text: string): WitnessAnswer {
  return { status, contentType: "text/plain; charset=utf-8", body: `${text}\n` }
}
