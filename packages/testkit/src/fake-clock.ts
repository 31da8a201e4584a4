/** A clock that stands still until it is told otherwise. */
export interface FakeClock {
  (): number
  advance(ms: number): void
  set(ms: number): void
}

export function fakeClock(startMs = 1_800_000_000_000): FakeClock {
  let now = startMs
  const clock = (): number => now
  return Object.assign(clock, {
    advance: (ms: number) => void (now += ms),
    set: (ms: number) => void (now = ms),
  })
}

/** UUIDv7s that count up instead of being random. */
export function countingIds(): (ms: number) => string {
  let made = 0
  return (ms) => {
    const time = ms.toString(16).padStart(12, "0")
    const tail = (made++).toString(16).padStart(12, "0")
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${tail}`
  }
}
