import { join } from "node:path"
import type { Keyring } from "@amc/core"
import { readBoundedFile } from "./bounded-file.ts"

const configSizeMax = 1 << 20

/** Where config files lie and who may have signed them. */
export interface ConfigPlace {
  readonly dir: string
  readonly workspace: string
  readonly keyring: Keyring
}

/** The bytes of a config file or its signature. @throws {@link AmcError} `workspace/missing`, `input/too-large` */
export function readConfigBytes({ dir }: ConfigPlace, path: string): Uint8Array {
  return readBoundedFile(join(dir, path), configSizeMax, "workspace/missing")
}
