import { AmcError, utcTime } from "@amc/core"

/**
 * A time from an option, in milliseconds: a day (its first moment, UTC) or an ISO 8601 time with its zone.
 *
 * @throws {@link AmcError} `usage/invalid`
 */
export function timeOption(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined
  const ms = utcTime(text)
  if (ms !== null) return ms
  throw new AmcError("usage/invalid", `--${name} takes a day or a time with its zone`, {
    hint: `for example --${name} 2026-11-23 or --${name} 2026-11-23T14:30:00Z`,
  })
}
