import { checkAgentId } from "../agent-config.ts"
import { withLedger } from "../ledger-reader.ts"
import type { Workspace } from "../workspace.ts"
import { piecesOf } from "./brought-file.ts"
import { type FileContents, FileReader } from "./file-reader.ts"
import type { IngestTerms } from "./ingest-file.ts"
import { noHistory } from "./trace-history.ts"
import { tallyTrace, type TraceTally } from "./trace-tally.ts"

/** What a file says, by itself. */
export type CheckedFile = Omit<FileContents, "trace"> & { readonly trace: TraceTally | null }

/**
 * Reads a file as {@link ingestFile} does, and records nothing. What came in before is left aside.
 *
 * @throws {@link AmcError} `input/malformed`, `input/too-large`, `input/unreadable`, `usage/invalid`
 */
export function checkFile(
  workspace: Workspace,
  { agent, path, format }: Omit<IngestTerms, "about">,
): Promise<CheckedFile> {
  checkAgentId(agent)
  return withLedger(workspace, async (ledger) => {
    const reader = new FileReader({ workspace, ledger, agent, format, history: noHistory() })
    for await (const piece of piecesOf(path)) await reader.push(piece)
    const { trace, ...contents } = await reader.end()
    return { ...contents, trace: trace && tallyTrace(trace.calls, trace.known) }
  })
}
