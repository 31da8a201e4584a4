import { type FileHandle, open, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Readable } from "node:stream"

/**
 * A body in a file that only this user can read. The recorder takes the file over by its path; the
 * bytes stay readable here through the open file, wherever the recorder moves it.
 */
export class SpoolFile {
  readonly path: string
  readonly #file: FileHandle
  #reader: Readable | null = null

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  static async create(folder: string, random: (size: number) => Uint8Array): Promise<SpoolFile> {
    const path = join(folder, `body-${Buffer.from(random(16)).toString("hex")}`)
    return new SpoolFile(path, await open(path, "wx+", 0o600))
  }

  /** A file that has no name: it goes with the process that has it open, however that ends. */
  static async nameless(folder: string, random: (size: number) => Uint8Array): Promise<SpoolFile> {
    const file = await SpoolFile.create(folder, random)
    try {
      await file.remove()
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  async append(bytes: Uint8Array): Promise<void> {
    await this.#file.appendFile(bytes)
  }

  /** The file's bytes from the start. */
  read(): Readable {
    this.#reader = this.#file.createReadStream({ start: 0, autoClose: false })
    return this.#reader
  }

  /** Closes the file and leaves it where it is. */
  async close(): Promise<void> {
    this.#reader?.on("error", () => undefined).destroy()
    await this.#file.close()
  }

  /** Removes the file, unless somebody has moved it. */
  async remove(): Promise<void> {
    await rm(this.path, { force: true })
  }
}
