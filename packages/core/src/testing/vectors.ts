import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const repository = new URL("../../../../", import.meta.url)

/** A vector file of this repository. */
export function ownVectors<T>(name: string): T {
  return read<T>(new URL(`spec/vectors/${name}`, repository))
}

/** Where a vector file of this repository is. */
export function ownVectorsPath(name: string): string {
  return fileURLToPath(new URL(`spec/vectors/${name}`, repository))
}

/** A public vector file, which lies beside the repository and not in it. */
export function publicVectors<T>(name: string): T {
  return read<T>(new URL(`../shared/vectors/${name}`, repository))
}

function read<T>(file: URL): T {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T
  } catch (cause) {
    throw new Error(`vectors are missing or broken: ${fileURLToPath(file)}`, { cause })
  }
}
