import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Dossier } from "./dossier.ts"
import { readDossiers } from "./dossier.fixture.ts"
import { behindLines, htmlReport, jsonReport, markdownReport } from "./index.ts"

const folder: string = fileURLToPath(new URL("../../../spec/vectors/reports/", import.meta.url))

/** Each format by the ending of its golden files. */
export const renderers: Readonly<Record<string, (dossier: Dossier) => string>> = {
  html: htmlReport,
  md: markdownReport,
  json: jsonReport,
  txt: (dossier) => `${behindLines(dossier).join("\n")}\n`,
}

/** Every golden file by its name, as this program makes it now. */
export function goldenFiles(): ReadonlyMap<string, string> {
  return new Map(
    readDossiers().flatMap(({ name, dossier }) =>
      Object.entries(renderers)
        .filter(([ending]) => isKept(name, ending))
        .map(([ending, render]) => [`${name}.${ending}`, render(dossier)] as const),
    ),
  )
}

/** JSON is the dossier itself, which the vectors hold already: one shows how it is spelled. */
function isKept(name: string, ending: string): boolean {
  return ending !== "json" || name === "bad"
}

export function readGolden(name: string): string {
  return readFileSync(join(folder, name), "utf8")
}

/** `node packages/report/src/golden.fixture.ts` writes spec/vectors/reports anew: look at what changed. */
if (import.meta.main) {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of goldenFiles()) writeFileSync(join(folder, name), text)
}
