import { AmcError, equalBytes } from "@amc/core"
import { readGivenPassphrase } from "@amc/studio"
import { type Context, type Options, textOption } from "./command.ts"
import { descriptorOf } from "./passphrase-options.ts"

/**
 * A passphrase that is to be, from a file or a descriptor, or typed twice. The caller wipes it.
 *
 * @throws {@link AmcError} `usage/invalid`, `vault/unsafe-file`, `vault/locked` if the file is not there
 */
export async function newPassphrase(context: Context, options: Options): Promise<Uint8Array> {
  const file = textOption(options, "newPassphraseFile")
  const descriptor = textOption(options, "newPassphraseFd")
  if (file !== undefined && descriptor !== undefined)
    throw new AmcError("usage/invalid", "the new passphrase is given twice")
  if (file !== undefined) return readGivenPassphrase({ file })
  if (descriptor !== undefined) return readGivenPassphrase({ descriptor: descriptorOf(descriptor) })
  if (context.askHidden !== null) return typed(context.askHidden)
  throw new AmcError("usage/invalid", "there is no terminal to ask at for the new passphrase", {
    hint: "give it with --new-passphrase-file or --new-passphrase-fd",
  })
}

async function typed(ask: NonNullable<Context["askHidden"]>): Promise<Uint8Array> {
  const first = await ask("new passphrase: ")
  const second = await ask("once more: ")
  const isSame = equalBytes(first, second)
  second.fill(0)
  if (isSame && first.length > 0) return first
  first.fill(0)
  throw new AmcError("usage/invalid", isSame ? "the passphrase is empty" : "the two are not equal")
}
