import { AmcError } from "@amc/core"
import { readPassphraseDescriptor, readPassphraseFile, type SlotName } from "@amc/vault"

/** Where a passphrase was said to be on the command line. */
export type GivenPassphrase = { readonly file: string } | { readonly descriptor: number }

export interface PassphraseTerms {
  /** Measures how long a slot backs off after wrong passphrases. */
  readonly clock: () => number
  readonly given: ReadonlyMap<SlotName, GivenPassphrase>
  /** Asks the person at the terminal; null where nobody is there. Empty if nothing was typed. */
  readonly ask: ((slot: SlotName) => Promise<Uint8Array>) | null
  /** What the environment variable held; for machines where nothing else works. */
  readonly environment: Uint8Array | null
}

/** Nothing given and nobody to ask; time stands still, so that a back-off does not end by itself. */
const nothing: PassphraseTerms = {
  clock: () => 0,
  given: new Map(),
  ask: null,
  environment: null,
}

/**
 * What this command was given of passphrases, and what it was told once. A descriptor can be read once
 * and a person is asked once, so both are kept until {@link wipe}. Every reader gets a copy, and wipes it.
 */
export class Passphrases {
  readonly clock: () => number
  readonly #terms: PassphraseTerms
  readonly #kept = new Map<SlotName, Uint8Array>()
  #tookEnvironment = false

  constructor(terms: PassphraseTerms = nothing) {
    this.clock = terms.clock
    this.#terms = terms
  }

  /** Whether the command line says where a slot's passphrase is. */
  names(slot: SlotName): boolean {
    return this.#terms.given.has(slot)
  }

  /** Whether the environment variable was used. */
  get tookEnvironment(): boolean {
    return this.#tookEnvironment
  }

  /** What the command line names, or null. @throws {@link AmcError} `vault/locked`, `vault/unsafe-file`, `usage/invalid` */
  given(slot: SlotName): Uint8Array | null {
    const given = this.#terms.given.get(slot)
    if (given === undefined) return null
    return this.#copy(slot) ?? this.#keep(slot, readGivenPassphrase(given))
  }

  /** What the person at the terminal types, or null if nobody is there or nothing is typed. */
  async asked(slot: SlotName): Promise<Uint8Array | null> {
    const { ask } = this.#terms
    if (ask === null) return null
    return this.#copy(slot) ?? this.#keep(slot, await ask(slot))
  }

  environment(): Uint8Array | null {
    this.#tookEnvironment ||= this.#terms.environment !== null
    return this.#terms.environment?.slice() ?? null
  }

  wipe(): void {
    for (const passphrase of this.#kept.values()) passphrase.fill(0)
    this.#kept.clear()
    this.#terms.environment?.fill(0)
  }

  #copy(slot: SlotName): Uint8Array | null {
    return this.#kept.get(slot)?.slice() ?? null
  }

  #keep(slot: SlotName, passphrase: Uint8Array): Uint8Array | null {
    if (passphrase.length === 0) return null
    this.#kept.set(slot, passphrase)
    return passphrase.slice()
  }
}

/** Reads a passphrase from where it was said to be. The caller wipes it. @throws as {@link Passphrases.given} */
export function readGivenPassphrase(given: GivenPassphrase): Uint8Array {
  if ("file" in given) return readPassphraseFile(given.file)
  try {
    return readPassphraseDescriptor(given.descriptor)
  } catch (cause) {
    if (cause instanceof AmcError) throw cause
    throw new AmcError("usage/invalid", `descriptor ${given.descriptor} can't be read`, { cause })
  }
}
