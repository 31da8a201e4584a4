import type { Indicator, MeasuredWindow, SeenSession } from "../indicator.ts"
import { byText, dayOf, dayStart, quotient } from "../integer.ts"
import type { Judged, Outcome } from "../judged.ts"
import { repairsIn } from "../repair.ts"

/** A piece of time in which the config was whole, broken, or anything. */
interface Stretch {
  readonly outcome: Outcome
  readonly fromMs: number
  readonly toMs: number
  readonly hash: string
}

/** What tells of the config at a time: a look at it, a fault that was found, or its repair. */
interface Mark {
  readonly kind: "look" | "broken" | "whole"
  readonly ts: number
  readonly hash: string
  readonly path: string
}

const minuteMs = 60_000
/** A look tells of at most so much time before it. */
const lookMs = 86_400_000

/**
 * SAO-08: minutes in which every signed file was whole, over those and the minutes in which one was not.
 * Each time that the monitor begins, and each session that was answered, is a look. Minutes count as whole only on
 * days with a session that was answered; between a look and one that finds a fault they are unknown.
 */
export const signedConfig: Indicator = {
  id: "SAO-08",
  reads: ["vault_generation", "session_open", "audit"],
  spans: (window) => {
    const stretches = stretchesOf(marksOf(window), window.toMs)
    const pieces = stretches.flatMap((stretch) => inDays(clipped(stretch, window)))
    const days = new Set(
      servedIn(window).flatMap(({ firstMs, lastMs }) => [dayOf(firstMs), dayOf(lastMs)]),
    )
    const whole = pieces.filter(({ outcome, day }) => outcome === "pass" && days.has(day))
    const held = [...Map.groupBy(whole, ({ day }) => day).values()].map(judgedOf)
    return [
      ...held,
      ...pieces.filter(({ outcome }) => outcome !== "pass").map((each) => judgedOf([each])),
    ]
  },
}

function servedIn({ sessions }: MeasuredWindow): readonly SeenSession[] {
  return sessions.filter(({ isServed, isSeenWhole }) => isServed && isSeenWhole)
}

function marksOf(window: MeasuredWindow): readonly Mark[] {
  const { system } = window
  const looks = system("vault_generation").map(({ ts, hash }) => lookAt(ts, hash))
  const seen = servedIn(window).flatMap(({ firstMs, lastMs, openedBy }) => [
    lookAt(firstMs, openedBy),
    lookAt(lastMs, openedBy),
  ])
  const faults = system("audit")
    .filter(
      ({ measured }) =>
        measured.code === "CONFIG_UNSIGNED" || measured.code === "CONFIG_SIGNATURE_INVALID",
    )
    .map(({ ts, hash, measured }): Mark => ({ kind: "broken", ts, hash, path: measured.subject }))
  const repairs = repairsIn(system("config_change")).map(({ ts, hash, measured }): Mark => ({
    kind: "whole",
    ts,
    hash,
    path: measured.path,
  }))
  return [...looks, ...seen, ...repairs, ...faults].toSorted(
    (a, b) => a.ts - b.ts || byText(b.kind, a.kind) || byText(a.hash, b.hash),
  )
}

function lookAt(ts: number, hash: string): Mark {
  return { kind: "look", ts, hash, path: "" }
}

/** What each look and each fault says of the time before it. */
function stretchesOf(marks: readonly Mark[], endMs: number): readonly Stretch[] {
  const [first] = marks
  if (first === undefined) return []
  const stretches: Stretch[] = []
  const broken = new Set<string>()
  let [since, last] = [first.ts, first.hash]
  const close = (outcome: Outcome, toMs: number): void => {
    const fromMs = outcome === "fail" ? since : Math.max(since, toMs - lookMs)
    stretches.push({ outcome, fromMs, toMs, hash: last })
    since = toMs
  }
  /** A look is believed once nothing was found after it and before the next. */
  let looked: number | null = null
  const settle = (outcome: Outcome): void => {
    if (looked !== null) close(outcome, looked)
    looked = null
  }
  for (const { kind, ts, hash, path } of marks) {
    if (kind === "broken") {
      if (broken.size === 0) {
        settle("unknown")
        since = ts
        last = hash
      }
      broken.add(path)
    } else if (kind === "whole") {
      if (broken.delete(path) && broken.size === 0) close("fail", ts)
    } else if (broken.size === 0) {
      settle("pass")
      looked = ts
      last = hash
    }
  }
  settle("pass")
  if (broken.size > 0) close("fail", endMs)
  return stretches
}

function clipped(stretch: Stretch, { lookMs: fromMs, toMs }: MeasuredWindow): Stretch {
  return {
    ...stretch,
    fromMs: Math.max(stretch.fromMs, fromMs),
    toMs: Math.min(stretch.toMs, toMs),
  }
}

/** A part of a stretch that lies in one day. */
interface Piece extends Stretch {
  readonly day: number
  readonly wholeMs: number
}

function inDays(stretch: Stretch): readonly Piece[] {
  const pieces: Piece[] = []
  const wholeMs = stretch.toMs - stretch.fromMs
  for (let fromMs = stretch.fromMs; fromMs <= stretch.toMs;) {
    const day = dayOf(fromMs)
    const toMs = Math.min(dayStart(day + 1), stretch.toMs)
    pieces.push({ ...stretch, fromMs, toMs, day, wholeMs })
    fromMs = dayStart(day + 1)
  }
  return pieces
}

/** Pieces of one day that went alike, in minutes that have begun. */
function judgedOf(pieces: readonly Piece[]): Judged {
  const [first, last] = [pieces[0], pieces.at(-1)] as [Piece, Piece]
  const { day, outcome, hash, wholeMs } = first
  const id = `${outcome} ${first.fromMs}`
  const ms = pieces.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0)
  const stretch = outcome === "fail" ? begun(wholeMs) : 0
  const place = { id, day, firstMs: first.fromMs, lastMs: last.toMs, replayKey: id }
  return {
    session: { ...place, lastHash: hash },
    tier: "OBSERVED",
    items: [{ outcome, count: begun(ms), stretch, events: [hash] }],
  }
}

function begun(ms: number): number {
  return quotient(ms, minuteMs) + 1
}
