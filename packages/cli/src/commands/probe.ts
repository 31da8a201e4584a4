import { type ProbedHere, probeHere } from "@amc/studio"
import pc from "picocolors"
import { type Command, flagOption } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const probe: Command = {
  configure: (parser) =>
    parser.option("--offline", "dial no address of the internet").addHelpText(
      "after",
      `
Example:
  amc probe --offline

Tries from here what an agent here could try: engines' sockets, the internet, kernel settings, system calls, others'
processes, workspaces. What was reached is a hole. Nobody looks from outside and nothing has a control, so what was
denied proves nothing: only 'amc sandbox run' and 'amc score' measure a box. Changes nothing. Exit code 0.`,
    ),

  async run(context, _, options) {
    const found = await probeHere(context.environment, !flagOption(options, "offline"))
    return {
      exit: Exit.accepted,
      data: found,
      lines: linesOf(found, pc.createColors(context.isColoured)),
    }
  },
}

function linesOf(found: ProbedHere, colours: ReturnType<typeof pc.createColors>): string[] {
  const { checks, inside, reached, probe_sha256 } = found
  const width = Math.max(...checks.map(({ id }) => id.length))
  const paint = { reached: colours.red, denied: colours.green, inconclusive: colours.yellow }
  const facts = ["uid", "cap_eff", "no_new_privs", "seccomp", "interfaces", "default_route"]
  return [
    ...checks.map(
      ({ id, outcome, errno }) =>
        `${paint[outcome](outcome.padEnd(12))}  ${id.padEnd(width)}  ${errno === "-" ? "" : errno}`,
    ),
    "",
    facts.map((name) => `${name} ${printable(String(inside[name]))}`).join(", "),
    `probe ${probe_sha256}`,
    `${checks.length} tried, ${reached.length} reached; inside only: this is no measured box`,
  ]
}
