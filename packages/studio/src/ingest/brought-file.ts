import { createHash, randomBytes } from "node:crypto"
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { AmcError, isFault, type ObservedPayload } from "@amc/core"
import { removeStored, type SecretScanner, StoredBody } from "@amc/gateway"
import { LeaseMask } from "./lease-mask.ts"

// A pipe is not waited for.
const { O_RDONLY, O_NONBLOCK } = constants
const fileSizeMax = 256 * 1024 * 1024

/** A file as it was read in one pass, and its redacted copy as it will be stored. */
export interface BroughtFile {
  readonly payload: ObservedPayload
  readonly secretsFound: number
}

export interface BringTerms {
  readonly path: string
  readonly spoolDir: string
  readonly secrets: SecretScanner
  /** Gets each piece as it is in the file; what it throws ends the reading, and nothing is kept. */
  readonly onPiece: (piece: Uint8Array) => Promise<void>
}

/**
 * Reads a file once: hands its bytes on, and copies them with secrets and leases masked. Whoever does not hand the
 * copy to a recorder gives it to {@link leaveFile}.
 *
 * @throws {@link AmcError} `input/unreadable`, `input/too-large`; what `onPiece` throws
 */
export async function bringFile({
  path,
  spoolDir,
  secrets,
  onPiece,
}: BringTerms): Promise<BroughtFile> {
  const terms = { limits: { memoryBytes: 0 }, spoolDir, random: randomBytes, secrets }
  const copy = await StoredBody.inFile(terms, fileSizeMax)
  const mask = new LeaseMask()
  const hash = createHash("sha256")
  let size = 0
  try {
    for await (const piece of piecesOf(path)) {
      hash.update(piece)
      size += piece.length
      await copy.push(mask.push(piece))
      await onPiece(piece)
    }
    await copy.push(mask.end())
    const { blob, secretsFound } = await copy.end()
    const sha256 = hash.digest("hex")
    const payload = { sha256, size, media: "application/json", blob }
    return { payload, secretsFound: secretsFound + mask.found }
  } catch (error) {
    await copy.discard()
    throw error
  }
}

/** Removes the copy of a file that is not recorded after all. */
export function leaveFile({ payload }: BroughtFile): Promise<void> {
  return removeStored(payload.blob)
}

/** The bytes of a regular file of at most 256 MiB. @throws {@link AmcError} `input/unreadable`, `input/too-large` */
export async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    const file = await open(path, O_RDONLY | O_NONBLOCK)
    try {
      if (!(await file.stat()).isFile())
        throw new AmcError("input/unreadable", `${path} is not a file`)
      let size = 0
      for await (const piece of file.createReadStream({
        autoClose: false,
        highWaterMark: 1 << 18,
      })) {
        size += (piece as Buffer).length
        if (size > fileSizeMax)
          throw new AmcError("input/too-large", `${path} has more than ${fileSizeMax} bytes`)
        yield piece as Buffer
      }
    } finally {
      await file.close()
    }
  } catch (cause) {
    if (isFault(cause)) throw cause
    if ((cause as NodeJS.ErrnoException).syscall === undefined) throw cause
    throw new AmcError("input/unreadable", `${path} can't be read`, { cause })
  }
}
