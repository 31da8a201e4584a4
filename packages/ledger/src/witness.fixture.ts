import {
  consistencyPath,
  cosignerVkey,
  encodeAddCheckpoint,
  encodeCheckpoint,
  hashLeaf,
  type NoteVerifier,
  parseCosignerVkey,
  rootOf,
  sha256,
  signNote,
  utf8,
} from "@amc/core"
import { fakeClock, type FakeClock, MemoryWitnessStore, seededSigner } from "@amc/testkit"
import { Witness, type WitnessAnswer } from "./witness.ts"
import type { WitnessStore } from "./witness-store.ts"

export const origin = "ledger.example/amc"
export const startMs = 1_780_000_000_000
const logSigner = seededSigner("log")
const witnessSigner = seededSigner("witness")
const name = "witness.example/w1"
export const verifier: NoteVerifier = parseCosignerVkey(cosignerVkey(name, witnessSigner.key))
export const log: NoteVerifier = { name: origin, key: logSigner.key }

/** A ledger of `size` leaves; after `shared` of them, each other `branch` goes on in another way. */
export class LogFixture {
  readonly #hashes: Uint8Array[]

  constructor(size: number, branch = "", shared = 0) {
    this.#hashes = Array.from({ length: size }, (_, at) =>
      hashLeaf(sha256(utf8(`${at < shared ? "" : branch}/${at}`))),
    )
  }

  note(size: number, by = logSigner): string {
    const root = rootOf(this.#hashes.slice(0, size))
    return signNote(encodeCheckpoint({ origin, size, root }), origin, by)
  }

  path(oldSize: number, size: number): Uint8Array[] {
    return oldSize === 0 ? [] : consistencyPath(this.#hashes.slice(0, size), oldSize)
  }

  request(oldSize: number, size: number): Uint8Array {
    return encodeAddCheckpoint({ oldSize, path: this.path(oldSize, size), note: this.note(size) })
  }
}

export interface WitnessFixture {
  readonly witness: Witness
  readonly store: WitnessStore
  readonly clock: FakeClock
  ask(body: Uint8Array): Promise<WitnessAnswer>
}

export function makeWitness(store: WitnessStore = new MemoryWitnessStore()): WitnessFixture {
  const clock = fakeClock(startMs)
  const terms = { name, signer: witnessSigner, logs: [log], store, clock }
  const witness = new Witness(terms)
  return { witness, store, clock, ask: (body) => witness.addCheckpoint(body) }
}
