import type { SessionResult } from "@amc/studio"
import { printable } from "./printable.ts"
import { shellWord } from "./shell-word.ts"

const linesShown = 6

/** All that a person should know of a session of many. */
export function sessionLines(result: SessionResult): readonly string[] {
  return [...troubleLines(result), ...checkLines(result), ...connectionLines(result)]
}

/** Why a session failed, as far as it shows: its calls, then the agent's last words. Nothing for one that went well. */
export function troubleLines(result: SessionResult): readonly string[] {
  const { exitCode, exchanges } = result
  if (exitCode === 0 && exchanges.served > 0) return []
  return [...callLines(result), ...(exitCode === 0 ? [] : wordLines("its", result.lastWords))]
}

/** What came of a session's calls; nothing if all were answered with success. */
export function callLines({ exchanges }: SessionResult): readonly string[] {
  const { requests, served, troubles } = exchanges
  if (requests === 0 && troubles.length === 0) return ["  it called no provider"]
  if (troubles.length === 0) return []
  const told = troubles.map(({ what, times }) => (times === 1 ? what : `${what} (${times} times)`))
  return [`  its calls: ${served} of ${requests} answered with success; ${told.join(", ")}`]
}

/** What a session was not let out to. The names are the agent's own choice. */
export function connectionLines({ connections }: SessionResult): readonly string[] {
  const { opened, refused } = connections
  if (refused.length === 0) return []
  const told = refused.map(({ what, times }) => (times === 1 ? what : `${what} (${times} times)`))
  return [`  its connections: ${opened} let out; refused: ${told.join(", ")}`].map(printable)
}

/** How the owner's check ended, if it failed. */
export function checkLines({ check }: SessionResult): readonly string[] {
  return check.verdict === "failed" ? wordLines("the check's", check.said) : []
}

/** What to do where no session had an answer with success: nothing of them can count. */
export function unservedHint(
  program: string,
  providers: readonly string[],
  command: readonly string[],
): readonly string[] {
  const named = providers.flatMap((provider) => ["--provider", provider])
  const words = [program, "sandbox", "run", ...named, "--"]
  return [
    "no session had an answer with success, so nothing of them can pass; to see what the agent says:",
    `  ${words.join(" ")} ${command.map(shellWord).join(" ")}`,
  ]
}

function wordLines(whose: string, said: string): string[] {
  if (said === "") return whose === "its" ? ["  it said nothing on stderr"] : []
  const last = said.split(/\r?\n/).slice(-linesShown)
  return [`  ${whose} last words:`, ...last.map((line) => `  | ${line}`)]
}
