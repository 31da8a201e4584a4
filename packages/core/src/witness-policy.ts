import { text } from "./bytes.ts"
import { AmcError, malformed } from "./errors.ts"
import type { NoteVerifier } from "./note.ts"
import { parseCosignerVkey, parseVkey } from "./vkey.ts"

/** A witness of a policy, under the name that the policy gives it. */
export interface PolicyWitness {
  readonly label: string
  readonly verifier: NoteVerifier
}

/** So many of these members, each of them a witness or another group. */
export interface WitnessGroup {
  readonly threshold: number
  readonly members: readonly (PolicyWitness | WitnessGroup)[]
}

/** Whose word a verifier takes for when a checkpoint was there: never one that came with an artifact. */
export interface WitnessPolicy {
  /** Logs whose checkpoints count; any log that is known otherwise, if there are none. */
  readonly logs: readonly NoteVerifier[]
  readonly witnesses: readonly PolicyWitness[]
  /** Null where the policy asks for no cosignature. */
  readonly quorum: PolicyWitness | WitnessGroup | null
}

const sizeMax = 256 * 1024
const linesMax = 1024

/**
 * Reads a policy (C2SP tlog-policy).
 *
 * Refuses what the specification refuses: names that are used before they are defined or as a member twice, a key that
 * is there twice under whatever names, and anything but one quorum.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `key/refused`
 */
export function parseWitnessPolicy(bytes: Uint8Array): WitnessPolicy {
  if (bytes.length > sizeMax)
    throw new AmcError("input/too-large", `the policy is longer than ${sizeMax} bytes`)
  const whole = text(bytes)
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x08\x0b-\x1f\x7f]/u.test(whole)) throw malformed("the policy has a control character")
  if (!whole.endsWith("\n")) throw malformed("the policy does not end in a newline")
  const lines = whole.slice(0, -1).split("\n")
  if (lines.length > linesMax) throw malformed(`the policy has over ${linesMax} lines`)
  const reader = new PolicyReader()
  for (const [at, line] of lines.entries()) reader.read(line, at + 1)
  return reader.policy()
}

type Member = PolicyWitness | WitnessGroup

class PolicyReader {
  readonly #logs: NoteVerifier[] = []
  readonly #witnesses: PolicyWitness[] = []
  readonly #named = new Map<string, Member>()
  readonly #members = new Set<string>()
  #quorum: Member | null | undefined

  read(line: string, number: number): void {
    const [keyword, ...words] = line.split(/[ \t]+/u).filter((word) => word !== "")
    if (keyword === undefined || keyword.startsWith("#")) return
    try {
      this.#readLine(keyword, words)
    } catch (error) {
      if (!(error instanceof AmcError)) throw error
      throw new AmcError(error.code, `line ${number} of the policy: ${error.message}`, {
        cause: error,
      })
    }
  }

  policy(): WitnessPolicy {
    if (this.#quorum === undefined) throw malformed("the policy has no quorum line")
    return { logs: this.#logs, witnesses: this.#witnesses, quorum: this.#quorum }
  }

  #readLine(keyword: string, words: readonly string[]): void {
    if (keyword === "log") return this.#addLog(words)
    if (keyword === "witness") return this.#addWitness(words)
    if (keyword === "group") return this.#addGroup(words)
    if (keyword === "quorum") return this.#setQuorum(words)
    throw malformed("it starts with no word that a policy knows")
  }

  #addLog([key = "", , ...more]: readonly string[]): void {
    if (more.length > 0) throw malformed("a log has a key and at most an address")
    const log = parseVkey(key)
    requireFresh(this.#logs, log)
    this.#logs.push(log)
  }

  #addWitness([label, key = "", , ...more]: readonly string[]): void {
    if (more.length > 0) throw malformed("a witness has a name, a key and at most an address")
    const verifier = parseCosignerVkey(key)
    requireFresh(
      this.#witnesses.map((witness) => witness.verifier),
      verifier,
    )
    const witness = { label: label ?? "", verifier }
    this.#name(witness.label, witness)
    this.#witnesses.push(witness)
  }

  #addGroup([label = "", count = "", ...names]: readonly string[]): void {
    const members = names.map((name) => this.#take(name))
    this.#name(label, { threshold: thresholdOf(count, members.length), members })
  }

  #setQuorum([name = "", ...more]: readonly string[]): void {
    if (this.#quorum !== undefined || more.length > 0)
      throw malformed("there is more than one quorum")
    this.#quorum = name === "none" ? null : this.#find(name)
  }

  #name(label: string, member: Member): void {
    if (label === "none" || this.#named.has(label)) throw malformed("the name is taken")
    this.#named.set(label, member)
  }

  /** A name is a member once, so that a witness counts in one way only. */
  #take(name: string): Member {
    const member = this.#find(name)
    if (this.#members.has(name)) throw malformed("a name is a member twice")
    this.#members.add(name)
    return member
  }

  #find(name: string): Member {
    const member = this.#named.get(name)
    if (member === undefined) throw malformed("it names what no line before it defines")
    return member
  }
}

function thresholdOf(count: string, members: number): number {
  const threshold =
    { any: 1, all: members }[count] ?? (/^[1-9]\d{0,3}$/u.test(count) ? Number(count) : 0)
  if (members < 1 || threshold < 1 || threshold > members)
    throw malformed("a group's number is not all, any or 1 to the number of its members")
  return threshold
}

function requireFresh(known: readonly NoteVerifier[], { key }: NoteVerifier): void {
  if (known.some((other) => other.key.kid === key.kid)) throw malformed("its key is there twice")
}
