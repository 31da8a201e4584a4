import { resolve } from "node:path"
import { type Context, type Options, textOption } from "./command.ts"

/** The folder of a witness. */
export function witnessDir({ cwd }: Context, options: Options): string {
  return resolve(cwd, textOption(options, "dir") ?? "witness")
}
