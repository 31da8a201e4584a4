import { diagnose, type Diagnosis } from "@amc/studio"
import pc from "picocolors"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const doctor: Command = {
  configure: (parser) =>
    parser.addHelpText(
      "after",
      `
Example:
  amc doctor

Changes nothing. Exit codes: 0 nothing failed, 1 something did; each line names the command that mends it.`,
    ),

  async run(context) {
    const checks = await diagnose({
      folder: context.cwd,
      state: context.state,
      nowMs: context.clock(),
      nodeVersion: process.version,
      environment: context.environment,
    })
    const failed = checks.filter(({ status }) => status === "fail").length
    const warned = checks.filter(({ status }) => status === "warn").length
    const width = Math.max(...checks.map(({ id }) => id.length))
    const colours = pc.createColors(context.isColoured)
    return {
      exit: failed > 0 ? Exit.rejected : Exit.accepted,
      data: { checks, failed, warned },
      lines: [
        ...checks.flatMap((check) => linesOf(check, width, colours)),
        "",
        `${checks.length} looked at: ${failed} failed, ${warned} to be watched`,
      ],
    }
  },
}

function linesOf(
  { id, status, detail, next }: Diagnosis,
  width: number,
  colours: ReturnType<typeof pc.createColors>,
): readonly string[] {
  const paint = { ok: colours.green, warn: colours.yellow, fail: colours.red }[status]
  const line = `${paint(status.padEnd(4))}  ${printable(id).padEnd(width)}  ${printable(detail)}`
  return next === null ? [line] : [line, `${" ".repeat(width + 8)}mend it: ${printable(next)}`]
}
