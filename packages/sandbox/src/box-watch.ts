import { readFileSync } from "node:fs"
import { childrenOf } from "./outside.ts"
import type { ProcessView } from "./probe-answer.ts"
import { credentials, namespacesOf, startedAt } from "./process-view.ts"

const everyMs = 500
/** Looked at in one round; a box with more has them looked at in turn. */
const mostProcesses = 64
const mostDrifts = 16

/** The box that is watched, as it was at the barrier. */
export interface WatchedBox {
  /** The first process of the box's pid namespace, whose descendants are the box. */
  readonly boxPid: number
  readonly agentPid: number
  readonly atBarrier: ProcessView
}

/** What a watch came to. */
export interface WatchSummary {
  readonly rounds: number
  /** Processes looked at in the largest round, and those whose namespaces could not be seen. */
  readonly processesMost: number
  readonly unseen: number
  readonly drifts: readonly string[]
  /** In the last round in which it ran, the agent was still the process of the barrier. */
  readonly sameProcess: boolean
}

/** A look at a box that goes on until it is stopped. */
export interface BoxWatch {
  stop(): WatchSummary
}

/**
 * Looks twice a second at every process of a box, from outside: whatever the agent became or started must be
 * as the probe was. `onDrift` is called once for each kind of deviation, the first time it is seen.
 */
export function watchBox(box: WatchedBox, onDrift: (what: string) => void): BoxWatch {
  const watch = new Watch(box, onDrift)
  watch.look()
  const timer = setInterval(() => watch.look(), everyMs).unref()
  return {
    stop: () => {
      clearInterval(timer)
      watch.look()
      return watch.summary
    },
  }
}

class Watch {
  readonly #box: WatchedBox
  readonly #onDrift: (what: string) => void
  readonly #drifts = new Set<string>()
  #rounds = 0
  #from = 0
  #most = 0
  #unseen = 0
  #isSame = true

  constructor(box: WatchedBox, onDrift: (what: string) => void) {
    this.#box = box
    this.#onDrift = onDrift
  }

  get summary(): WatchSummary {
    return {
      rounds: this.#rounds,
      processesMost: this.#most,
      unseen: this.#unseen,
      drifts: [...this.#drifts],
      sameProcess: this.#isSame,
    }
  }

  look(): void {
    const all = descendantsOf(this.#box.boxPid)
    if (all.length === 0) return
    this.#rounds++
    this.#most = Math.max(this.#most, all.length)
    const from = all.length <= mostProcesses ? 0 : this.#from % all.length
    this.#from += mostProcesses
    for (const pid of [...all, ...all].slice(from, from + Math.min(all.length, mostProcesses)))
      this.#lookAt(pid)
    this.#lookAtAgent()
  }

  #lookAt(pid: number): void {
    try {
      this.#compare(credentials(pid))
    } catch {
      // It has ended.
      return
    }
    try {
      this.#compare(namespacesOf(pid))
    } catch (error) {
      // A process can keep others of its user from looking, but not root; and one that ended has none.
      if ((error as NodeJS.ErrnoException).code === "EACCES") this.#unseen++
    }
  }

  #lookAtAgent(): void {
    const { agentPid, atBarrier } = this.#box
    const started = startedAt(agentPid)
    if (started === null) return
    this.#isSame = started === atBarrier["started_at"]
    if (!this.#isSame) return this.#say("the agent's pid is another process")
    try {
      const mounts = readFileSync(`/proc/${agentPid}/mountinfo`, "latin1").trimEnd().split("\n")
      // An empty list is that of a process which is ending.
      if (mounts[0] !== "") this.#compare({ mounts: mounts.length })
    } catch {
      // It has ended.
    }
  }

  #compare(view: ProcessView): void {
    for (const [name, value] of Object.entries(view)) {
      const expected = this.#box.atBarrier[name]
      // A process may put more filters on itself, and never take one off.
      const isKept = name === "seccomp_filters" ? value >= (expected ?? 0) : value === expected
      if (!isKept) this.#say(`${name} is ${value} and was ${expected}`)
    }
  }

  #say(what: string): void {
    if (this.#drifts.has(what) || this.#drifts.size >= mostDrifts) return
    this.#drifts.add(what)
    this.#onDrift(what)
  }
}

/** All below a process; orphans come back to the first of their pid namespace. */
function descendantsOf(pid: number): readonly number[] {
  const all = [...childrenOf(pid)]
  for (let at = 0; at < all.length && at < 4096; at++) all.push(...childrenOf(all[at] ?? 0))
  return all
}
