import { listRuns, loadRun, openStoredRun, openWorkspace } from "@amc/studio"
import type { Command } from "../command.ts"
import { Exit } from "../exit.ts"
import { printable } from "../printable.ts"

export const runList: Command = {
  configure: (parser) => parser.option("--agent <id>", "only runs of this agent"),

  async run(context, _args, options) {
    const workspace = openWorkspace(context.cwd, context.state, context.clock())
    const all = listRuns(workspace.dir).map(
      (runId) => openStoredRun(loadRun(workspace.dir, runId), workspace.keyring).report,
    )
    const runs = all
      .filter(({ agent }) => options["agent"] === undefined || options["agent"] === agent)
      .map(({ run_id, agent, status, posture, trust_label, overall, window }) => ({
        run_id,
        agent,
        status,
        posture,
        trust_label,
        overall,
        to_ms: window.to_ms,
      }))
    return {
      exit: Exit.accepted,
      data: { runs },
      lines: runs.map((run) =>
        printable(
          `${run.run_id}  ${run.agent}  level ${run.overall}  ${run.status}  ${run.posture}  ${run.trust_label}`,
        ),
      ),
    }
  },
}
