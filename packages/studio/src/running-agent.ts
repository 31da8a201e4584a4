import type { Channel } from "@amc/core"
import type { AgentExit, AgentProcess } from "@amc/sandbox"
import { LastWords } from "./last-words.ts"
import { recordOutput } from "./output-recorder.ts"
import { commandSha256 } from "./program.ts"
import type { OpenedSession } from "./opened-session.ts"

/** How an agent's process ended, with the exit code that its caller sees. */
export interface AgentRun {
  readonly exit: AgentExit
  readonly exitCode: number
  readonly reason: "exited" | "timeout" | "interrupted"
  /** The end of what it said on stderr, without known secrets. */
  readonly lastWords: string
}

const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
  SIGABRT: 6,
}

/** Records a process from its start to its end, both output streams included. */
export async function followAgent(
  opened: OpenedSession,
  agent: AgentProcess,
  uid: number,
): Promise<AgentRun> {
  const { capture, terms, session, gateway } = opened
  const channel: Channel = terms.driver === "none" ? "wrapper" : "sandbox"
  const started = capture.clock()
  const output = {
    recorder: capture.recorder,
    channel,
    agent: terms.agent,
    session,
    secrets: gateway.secrets,
  }
  const stdout = recordOutput("agent_stdout", agent.stdout, { ...output, echo: terms.echo.stdout })
  const words = new LastWords()
  const hear = (bytes: Uint8Array): void => {
    words.take(bytes)
    terms.echo.stderr?.(bytes)
  }
  const stderr = recordOutput("agent_stderr", agent.stderr, { ...output, echo: hear })
  connectStdin(agent, opened)
  const ended = Promise.all([agent.exited, stdout, stderr])
  // A stream that can't be recorded is told where the end is awaited, and until then it is no bug.
  ended.catch(() => undefined)
  const stop = (): void => void agent.kill()
  terms.signal.addEventListener("abort", stop)
  // Asked to stop while the box was being measured: the event is over and will not come again.
  if (terms.signal.aborted) stop()
  try {
    await opened.record("agent_process_started", channel, {
      pid: agent.pid,
      uid,
      driver: terms.driver,
      command_sha256: commandSha256(terms.command, terms.cwd),
    })
    const [exit, out, err] = await ended
    await opened.record("agent_process_exited", channel, {
      exit_code: exit.code ?? -1,
      signal: exit.signal ?? "",
      timed_out: exit.timedOut,
      duration_ms: Math.max(0, capture.clock() - started),
      stdout_bytes: out.bytes,
      stderr_bytes: err.bytes,
    })
    await auditSecrets(opened, out.secretsFound + err.secretsFound)
    if (exit.outOfMemory)
      await opened.audit(
        "SESSION_LIMIT_EXCEEDED",
        `a process of the box was ended, as its memory of ${terms.limits.memory_mib} MiB was used up`,
      )
    if (exit.exceeded !== undefined) await opened.audit("SESSION_LIMIT_EXCEEDED", exit.exceeded)
    const isOver = exit.timedOut || exit.exceeded !== undefined
    const reason = isOver ? "timeout" : terms.signal.aborted ? "interrupted" : "exited"
    return { exit, exitCode: exitCodeOf(exit), reason, lastWords: words.read(gateway.secrets) }
  } catch (error) {
    // What can't be recorded must not go on.
    await agent.kill()
    await Promise.allSettled([stdout, stderr])
    throw error
  } finally {
    terms.signal.removeEventListener("abort", stop)
  }
}

/** Known secrets in the output are said once; those in requests are in the facts of each request. */
async function auditSecrets(opened: OpenedSession, found: number): Promise<void> {
  if (found > 0) await opened.audit("SECRET_SEEN", `known secrets in the agent's output: ${found}`)
}

function connectStdin(agent: AgentProcess, { terms }: OpenedSession): void {
  // An agent that does not read its input closes the pipe; that is its own affair.
  agent.stdin.on("error", () => undefined)
  if (terms.stdin === null) agent.stdin.end()
  else terms.stdin.pipe(agent.stdin)
}

/** The shell's convention: a signal is 128 and its number. */
function exitCodeOf({ code, signal }: AgentExit): number {
  return code ?? 128 + (signalNumbers[signal ?? ""] ?? 0)
}
