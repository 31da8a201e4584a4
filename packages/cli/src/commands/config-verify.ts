import { type ConfigState, configStates } from "@amc/studio"
import { exitOf } from "@amc/verify"
import type { Command } from "../command.ts"
import { configPath } from "../config-path.ts"
import { printable } from "../printable.ts"

export const configVerify: Command = {
  configure: (parser) =>
    parser
      .argument(
        "[path...]",
        "files under .amc; all that are there or that the ledger names, if left out",
      )
      .addHelpText(
        "after",
        "\nExit codes: 0 all signed, 1 not good enough, 3 could not look, 4 tampered with.",
      ),

  async run(context, args) {
    const { states, verdict } = await configStates(context.cwd, context.state, {
      paths: args.map(configPath),
      clock: context.clock,
    })
    return {
      exit: exitOf(verdict),
      data: { files: states },
      findings: verdict.accepted ? [] : verdict.findings,
      lines: states.map((state) => printable(lineOf(state))),
    }
  },
}

function lineOf({ path, state, version, unrepaired, detail }: ConfigState): string {
  const repair = `; it was broken once: 'amc config sign ${path}' lifts the cap of 3`
  const more = state === "ok" ? `version ${version}${unrepaired ? repair : ""}` : detail
  return `${state.padEnd(10)}  ${path}  ${more}`
}
