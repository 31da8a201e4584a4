import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import {
  AmcError,
  cosignerVkey,
  isKeyName,
  malformed,
  type NoteVerifier,
  parseCosignerVkey,
} from "@amc/core"
import { serveWitness, Witness, type WitnessServer } from "@amc/ledger"
import { openWitnessStore } from "@amc/store-sqlite"
import {
  createWitnessKeyFile,
  generatePassphrase,
  type KdfCost,
  openWitnessSigner,
  readPassphraseFile,
  writePassphraseFile,
} from "@amc/vault"
import { passphraseFileOf } from "./root-signers.ts"
import { makePrivateFolder } from "./state-home.ts"

/** The files of a witness: its key and the passphrase of that, its public key, and what it cosigned. */
export interface WitnessFiles {
  readonly key: string
  readonly passphrase: string
  readonly vkey: string
  readonly memory: string
}

export function witnessFiles(dir: string): WitnessFiles {
  const key = join(dir, "witness.amckey")
  return {
    key,
    passphrase: passphraseFileOf(key),
    vkey: join(dir, "witness.vkey"),
    memory: join(dir, "witness.sqlite"),
  }
}

/**
 * Makes a witness in a folder of its own: a key, the passphrase that opens it, and an empty memory. Gives its verifier
 * key, which logs and verifiers are told.
 *
 * @throws {@link AmcError} `usage/invalid` for a name that is none, `vault/exists`, `workspace/exists`,
 * `workspace/unwritable`
 */
export async function initWitness(dir: string, name: string, cost?: KdfCost): Promise<string> {
  if (!isKeyName(name))
    throw new AmcError("usage/invalid", "a witness's name has no space and no plus", {
      hint: "take a name that is yours, such as witness.example.com/w1",
    })
  const files = witnessFiles(dir)
  const there = Object.values(files).find((path) => existsSync(path))
  if (there !== undefined) throw new AmcError("workspace/exists", `${there} is there already`)
  makePrivateFolder(dir)
  const passphrase = generatePassphrase()
  try {
    writePassphraseFile(files.passphrase, passphrase)
    const { key } = await createWitnessKeyFile(files.key, passphrase, cost)
    await openWitnessStore(files.memory, { isNew: true }).close()
    // Last: what has no public key yet is not a witness.
    const vkey = cosignerVkey(name, key)
    writeFileSync(files.vkey, `${vkey}\n`, { mode: 0o644, flag: "wx", flush: true })
    return vkey
  } finally {
    passphrase.fill(0)
  }
}

export interface ServeTerms {
  readonly dir: string
  readonly host: string
  readonly port: number
  /** The verifier keys of the logs that it cosigns. */
  readonly logs: readonly NoteVerifier[]
  readonly clock: () => number
  readonly warn: (text: string) => void
}

/** A witness that listens, with its public key. */
export interface ServedWitness extends WitnessServer {
  readonly vkey: string
}

/**
 * Serves the witness of a folder until it is closed.
 *
 * @throws {@link AmcError} `workspace/missing`, `input/malformed`, `vault/wrong-passphrase`, `vault/damaged`,
 * `store/unavailable` without its memory, `usage/invalid` if it can't listen there
 */
export async function openWitness(terms: ServeTerms): Promise<ServedWitness> {
  const files = witnessFiles(terms.dir)
  const { name, key } = readVerifier(files)
  const passphrase = readPassphraseFile(files.passphrase)
  const signer = await openWitnessSigner(files.key, passphrase).finally(() => passphrase.fill(0))
  if (signer.key.kid !== key.kid) throw malformed(`${files.vkey} is not of the key in ${files.key}`)
  const store = openWitnessStore(files.memory)
  try {
    const witness = new Witness({ ...terms, name, signer, store })
    const server = await serveWitness({ ...terms, witness })
    const close = async (): Promise<void> => {
      await server.close()
      await store.close()
    }
    return { url: server.url, vkey: cosignerVkey(name, key), close }
  } catch (error) {
    await store.close()
    throw error
  }
}

function readVerifier({ vkey }: WitnessFiles): NoteVerifier {
  if (!existsSync(vkey))
    throw new AmcError("workspace/missing", `there is no witness here: ${vkey} is missing`, {
      hint: "make one with 'amc witness init'",
    })
  return parseCosignerVkey(readFileSync(vkey, "utf8").trimEnd())
}
