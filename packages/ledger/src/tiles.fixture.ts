import {
  type Checkpoint,
  encodeCheckpoint,
  hashLeaf,
  rootOf,
  signNote,
  toHex,
  utf8,
} from "@amc/core"
import { MemoryEventStore, seededSigner } from "@amc/testkit"
import type { EventRow } from "./event-store.ts"

export const lane = "main"
export const origin = "acme/ledger"
const ledgerSigner = seededSigner("ledger")

/** A stored row around a leaf that is no event: tiles know only bytes. */
function rowOf(lseq: number): EventRow {
  const leaf = utf8(`leaf ${lseq}`)
  return {
    lseq,
    leaf,
    signature: "",
    leafHash: hashLeaf(leaf),
    agent: "a",
    aseq: lseq,
    session: null,
    type: "audit",
    ts: lseq,
    id: String(lseq).padStart(6, "0"),
  }
}

/** A store that is filled further as a test goes on, with the checkpoints of its tree. */
export class FilledStore {
  readonly events: MemoryEventStore = new MemoryEventStore()
  readonly hashes: Uint8Array[] = []

  async fill(to: number): Promise<void> {
    const rows = Array.from({ length: to - this.hashes.length }, (_, at) =>
      rowOf(this.hashes.length + at),
    )
    const last = this.hashes.at(-1)
    await this.events.append(lane, last === undefined ? null : toHex(last), rows, [])
    this.hashes.push(...rows.map(({ leafHash }) => leafHash))
  }

  checkpoint(size: number = this.hashes.length): { checkpoint: Checkpoint; note: string } {
    const checkpoint = { origin, size, root: rootOf(this.hashes.slice(0, size)) }
    return { checkpoint, note: signNote(encodeCheckpoint(checkpoint), origin, ledgerSigner) }
  }
}
