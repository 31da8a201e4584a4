import { spawn } from "node:child_process"
import { once } from "node:events"
import { AmcError } from "@amc/core"
import { type AgentExit, type AgentProcess, end } from "./agent-process.ts"
import { cutStream } from "./cut-stream.ts"
import { openPipes } from "./pipes.ts"

/** A process without a box. Its posture is always `shared`. */
export interface PlainSpec {
  readonly command: readonly string[]
  readonly cwd: string
  /** The whole environment; `cleanEnvironment` makes one. */
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

const inherited = /^(PATH|HOME|LANG|TERM|TMPDIR|LC_[A-Z]+)$/
const secretName = /^AMC_|API_KEY$|TOKEN|SECRET|PASS|CREDENTIAL|PRIVATE_KEY/i

/**
 * An environment of what an agent needs from the monitor's own, and what the caller gives.
 *
 * Inherited names are listed one by one, so that no secret of the monitor's comes along. What is given
 * wins; it may hold the lease under a provider's own name, but nothing of AMC's.
 *
 * @throws {@link AmcError} `usage/invalid` if a given name is AMC's
 */
export function cleanEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const amcs = Object.keys(given).find((name) => /^AMC_/i.test(name))
  if (amcs !== undefined) throw new AmcError("usage/invalid", `${amcs} is not for an agent`)
  const kept = Object.entries(own).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && inherited.test(entry[0]) && !secretName.test(entry[0]),
  )
  return { ...Object.fromEntries(kept), ...given }
}

/**
 * Starts a command without isolation, for `amc wrap`. It shares the monitor's user, files and network.
 * What it left running outside its process group goes on, and its output streams end without that.
 *
 * @throws {@link AmcError} `sandbox/start-failed`; the exit code is then 125
 */
export async function spawnPlain(spec: PlainSpec): Promise<AgentProcess> {
  const pipes = await openPipes(null)
  const [file = "", ...args] = spec.command
  // A process group of its own, so that the end of the agent is the end of its children.
  const options = { cwd: spec.cwd, env: { ...spec.env }, detached: true }
  const child = spawn(file, args, { ...options, stdio: [...pipes.childEnds] })
  pipes.closeChildEnds()
  try {
    await once(child, "spawn")
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown"
    throw new AmcError(
      "sandbox/start-failed",
      `the agent's command could not be started: ${code}`,
      { cause },
    )
  }
  const group = child.pid ?? 0
  let timedOut = false
  const exited = (once(child, "exit") as Promise<[number | null, string | null]>).then(
    ([code, signal]): AgentExit => {
      clearTimeout(timer)
      signalGroup(group, "SIGKILL")
      return { code, signal, timedOut }
    },
  )
  const kill = (): Promise<void> =>
    end(
      exited,
      () => signalGroup(group, "SIGTERM"),
      () => signalGroup(group, "SIGKILL"),
    )
  const timer = setTimeout(() => {
    timedOut = true
    void kill()
  }, spec.timeoutMs)
  const stdout = cutStream(pipes.stdout, exited)
  const stderr = cutStream(pipes.stderr, exited)
  return { pid: group, stdin: pipes.stdin, stdout, stderr, exited, kill }
}

function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal)
  } catch {
    // Nobody is left in the group.
  }
}
