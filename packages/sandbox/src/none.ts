import { spawn } from "node:child_process"
import { once } from "node:events"
import { AmcError, type ProbeRecord } from "@amc/core"
import { type AgentExit, type AgentProcess, end } from "./agent-process.ts"
import type { ProbePlace, ProbeTargets } from "./checks.ts"
import { cutStream } from "./cut-stream.ts"
import { outsideView } from "./outside.ts"
import { openPipes } from "./pipes.ts"
import { probeBinary } from "./probe-binary.ts"
import { ProbeChannel } from "./probe-channel.ts"
import { measureIsolation } from "./probe.ts"

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
  return start(spec, spec.command, spec.env)
}

/** A process with no box that waits as the probe. Nothing of the agent runs before {@link go}. */
export interface ProbedAgent extends AgentProcess {
  /**
   * Measures what the agent will be able to reach.
   *
   * @throws {@link AmcError} `sandbox/probe-failed`
   */
  runProbe(targets: ProbeTargets, place: PlainPlace): Promise<ProbeRecord>
  /** @throws {@link AmcError} `sandbox/start-failed`; the exit code is then 125 */
  go(): Promise<void>
}

/** Where a process with no box finds the gateway, and a folder with canaries. */
export interface PlainPlace {
  readonly gateway: ProbePlace["gateway"]
  readonly walkRoot: string
}

/**
 * The same as {@link spawnPlain}, but for the probe, which runs in the agent's place until it is let go.
 *
 * @throws {@link AmcError} `sandbox/unavailable` where there is no probe, `sandbox/start-failed`
 */
export async function spawnProbed(spec: PlainSpec): Promise<ProbedAgent> {
  const binary = probeBinary()
  const agent = await start(spec, [binary.file], {})
  const channel = new ProbeChannel(agent.stdin, agent.stdout)
  const { command, env, cwd } = spec
  const driver = { memoryBytes: 0, pids: 0, seccompProfile: "", ingress: "loopback" } as const
  return {
    ...agent,
    runProbe: (targets, { gateway, walkRoot }) => {
      const outside = () => outsideView(agent.pid, driver)
      const place = {
        gateway,
        egress: null,
        work: cwd,
        probe: binary.file,
        walkRoot,
        internet: false,
      }
      return measureIsolation({ binary, channel, command, env, outside, place }, targets)
    },
    go: () => channel.go(),
  }
}

async function start(
  { cwd, timeoutMs }: PlainSpec,
  [file = "", ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<AgentProcess> {
  const pipes = await openPipes(null)
  // A process group of its own, so that the end of the agent is the end of its children.
  const options = { cwd, env: { ...env }, detached: true }
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
      return { code, signal, timedOut, outOfMemory: false }
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
  }, timeoutMs)
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
