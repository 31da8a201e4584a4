import type { Finding, Keyring } from "@amc/core"

/** The lanes of a ledger, told apart by what they are to its tree. */
export interface JudgedLanes {
  /** The lane whose events the checkpoints and tiles are about; undefined if this program can't tell. */
  readonly tree: string | undefined
  /** Every lane that the store names, the tree's first: what lies beside it can't crowd out what is wrong with it. */
  readonly names: readonly string[]
  readonly findings: readonly Finding[]
}

/**
 * Says which lane a ledger's checkpoints and tiles are about. A lane that the root certified no monitor's key for
 * was put there by somebody else, and takes nothing away from what the tree is compared with.
 */
export function judgeLanes(stored: readonly string[], keyring: Keyring): JudgedLanes {
  const certified = keyring.lanes()
  const known = stored.filter((lane) => certified.includes(lane))
  const strays = stored.filter((lane) => !certified.includes(lane))
  const findings = strays.map(strayFinding)
  if (known.length > 1)
    return { tree: undefined, names: [...known, ...strays], findings: [...findings, unknownOrder] }
  return { tree: known[0] ?? certified[0] ?? "", names: [...known, ...strays], findings }
}

function strayFinding(lane: string): Finding {
  const detail = "the root certified no monitor's key for it, and the ledger has events of it"
  return { code: "ledger/foreign-lane", subject: `lane ${lane}`, detail, tampered: true }
}

/** The tree of several lanes has an order that this program does not know. */
const unknownOrder: Finding = {
  code: "input/unsupported-version",
  subject: "tree",
  detail: "the ledger has several lanes, and this program knows the tree of one lane only",
  tampered: false,
}
