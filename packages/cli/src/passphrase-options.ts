import { AmcError } from "@amc/core"
import type { GivenPassphrase } from "@amc/studio"
import type { Command as Parser } from "commander"
import type { Options } from "./command.ts"

type Slot = "auditor" | "monitor" | "root"
type Entry = readonly [Slot, GivenPassphrase]

/** Adds what every command that opens the vault takes. */
export function addPassphraseOptions(parser: Parser): Parser {
  return parser
    .option(
      "--passphrase-file <slot=file>",
      "a slot's passphrase, from a file of mode 600 (repeatable)",
      collected,
    )
    .option(
      "--passphrase-fd <slot=n>",
      "a slot's passphrase, from an open descriptor (repeatable)",
      collected,
    )
}

/** A repeatable option: all its values, in order. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

/** The values of a repeatable option. */
export function textOptions(options: Options, name: string): readonly string[] {
  const values = options[name]
  return Array.isArray(values) ? values.filter((value) => typeof value === "string") : []
}

/** Where the command line says that passphrases are. @throws {@link AmcError} `usage/invalid` */
export function givenPassphrases(options: Options): ReadonlyMap<Slot, GivenPassphrase> {
  const files = textOptions(options, "passphraseFile").map((text): Entry => [
    slotOf(text, "file"),
    { file: valueOf(text) },
  ])
  const descriptors = textOptions(options, "passphraseFd").map((text): Entry => [
    slotOf(text, "fd"),
    { descriptor: descriptorOf(valueOf(text)) },
  ])
  const given = [...files, ...descriptors]
  if (new Set(given.map(([slot]) => slot)).size !== given.length)
    throw new AmcError("usage/invalid", "a slot's passphrase is given twice")
  return new Map(given)
}

/** A descriptor's number. @throws {@link AmcError} `usage/invalid` */
export function descriptorOf(text: string): number {
  if (/^\d{1,4}$/.test(text) && text !== "1" && text !== "2") return Number(text)
  throw new AmcError("usage/invalid", "a passphrase's descriptor is a number such as 3")
}

function slotOf(text: string, option: string): Slot {
  const slot = /^(auditor|monitor|root)=./.exec(text)?.[1]
  if (slot !== undefined) return slot as Slot
  throw new AmcError("usage/invalid", `--passphrase-${option} takes monitor=…, auditor=… or root=…`)
}

function valueOf(text: string): string {
  return text.slice(text.indexOf("=") + 1)
}
