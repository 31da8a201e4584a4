import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Report, Survey } from "@amc/score"
import type { Dossier } from "./dossier.ts"

const vectorsFile: string = fileURLToPath(
  new URL("../../../spec/vectors/survey.json", import.meta.url),
)

interface NamedDossier {
  readonly name: string
  readonly why: string
  readonly dossier: Dossier
}

/** The dossiers of the vectors: one good run, one middling, one bad, one INVALID. */
export function readDossiers(): readonly NamedDossier[] {
  const cases = JSON.parse(readFileSync(vectorsFile, "utf8")) as readonly {
    readonly name: string
    readonly why: string
    readonly report: Report
    readonly survey: Survey
  }[]
  return cases.map(({ name, why, report, survey }) => ({
    name,
    why,
    dossier: dossierOf(report, survey),
  }))
}

function dossierOf(report: Report, survey: Survey): Dossier {
  return {
    schema: "amc.dossier/v1",
    basis: "ledger",
    workspace: "example",
    root_sha256: "1f".repeat(32),
    seal: {
      report_sha256: "2e".repeat(32),
      kids: ["3d".repeat(32)],
      checkpoint: { origin: "example/ledger", size: 4096, root_sha256: "4c".repeat(32) },
    },
    verifier_label: null,
    report,
    survey,
  }
}
