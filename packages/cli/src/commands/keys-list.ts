import { type ListedKey, listKeys, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { dayOf } from "../day.ts"

export const keysList: Command = {
  configure: (parser) => parser.addHelpText("after", "\nExample:\n  amc keys list"),

  async run(context) {
    const now = context.clock()
    const { keyring, rootSha256 } = openWorkspace(context.cwd, context.state, now)
    const { current } = keyring.roots
    const keys = listKeys(keyring, now)
    return {
      exit: Exit.accepted,
      data: {
        root: `sha256:${rootSha256}`,
        version: current.version,
        threshold: current.threshold,
        expires_ms: current.expiresMs,
        revocations: {
          version: keyring.revocations.version,
          expires_ms: keyring.revocations.expiresMs,
        },
        keys: keys.map(({ kid, role, lanes, state, from_ms, to_ms }) => ({
          kid,
          role,
          lanes,
          state,
          from_ms,
          to_ms,
        })),
      },
      lines: [
        `root        sha256:${rootSha256}`,
        `version     ${current.version}, ${current.threshold} of ${current.keys.length} owners sign, until ${dayOf(current.expiresMs)}`,
        `revocations version ${keyring.revocations.version}, until ${dayOf(keyring.revocations.expiresMs)}`,
        "",
        ...keys.map(lineOf),
      ],
    }
  },
}

function lineOf({ kid, role, lanes, state, from_ms, to_ms }: ListedKey): string {
  const until = to_ms === null ? "" : ` to ${dayOf(to_ms)}`
  const where = lanes.length === 0 ? "" : `  lane ${lanes.join(", ")}`
  return `${role.padEnd(8)} ${kid.slice(0, 16)}  ${state.padEnd(10)} from ${dayOf(from_ms)}${until}${where}`
}

/** The UTC day of a time, without the machine's clock or zone. */
