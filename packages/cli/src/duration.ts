import { AmcError } from "@amc/core"

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Milliseconds from a text such as `90s`, `30m`, `8h` or `2d`. @throws {@link AmcError} `usage/invalid` */
export function duration(text: string, option: string): number {
  const [, number, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  if (number !== undefined && Number(number) > 0)
    return Number(number) * units[unit as keyof typeof units]
  throw new AmcError("usage/invalid", `--${option} takes a time such as 90s, 30m, 8h or 2d`)
}
