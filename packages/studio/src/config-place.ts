import { readFileSync, type Stats, statSync } from "node:fs"
import { join } from "node:path"
import { AmcError, isFault, type Keyring } from "@amc/core"

const configSizeMax = 1 << 20

/** Where config files lie and who may have signed them. */
export interface ConfigPlace {
  readonly dir: string
  readonly workspace: string
  readonly keyring: Keyring
}

/** The bytes of a config file or its signature. @throws {@link AmcError} `workspace/missing`, `input/too-large` */
export function readConfigBytes({ dir }: ConfigPlace, path: string): Uint8Array {
  const file = join(dir, path)
  try {
    const { size } = regularFile(file)
    if (size > configSizeMax)
      throw new AmcError("input/too-large", `${file} is longer than ${configSizeMax} bytes`)
    return new Uint8Array(readFileSync(file))
  } catch (cause) {
    if (isFault(cause)) throw cause
    throw new AmcError("workspace/missing", `${file} can't be read`, { cause })
  }
}

/** To read a pipe would wait for its writer. */
function regularFile(path: string): Stats {
  const stats = statSync(path)
  if (stats.isFile()) return stats
  throw new AmcError("workspace/missing", `${path} is no file`)
}
