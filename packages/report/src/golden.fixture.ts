import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Dossier } from "./dossier.ts"
import { readDossiers } from "./dossier.fixture.ts"
import { compass } from "./html/compass.ts"
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

const picture: string = fileURLToPath(new URL("../../../docs/compass.svg", import.meta.url))

/** The compass of a run by itself, as docs/reports.md shows it, on a ground of its own. */
export function compassPicture(): string {
  const found = readDossiers().find(({ name }) => name === "middling")
  const source = found === undefined ? "" : (compass(found.dossier.report)?.source ?? "")
  const ground = `<style>${pictureStyle}</style><rect class="ground" width="520" height="372"/>`
  const head = /<svg class="compass" /
  const drawn = source.replace(head, `<svg xmlns="http://www.w3.org/2000/svg" class="compass" `)
  return `${drawn.replace("<g>", `${ground}<g>`)}\n`
}

const pictureStyle =
  ".ground{fill:#fff}text{font:14px system-ui,sans-serif;fill:#1f2328}.name{fill:#59636e}.big{font-size:30px;font-weight:600}.on{fill:#2f6fbf}.off{fill:#e3e8ee}.unknown{fill:none;stroke:#d1d9e0;stroke-dasharray:3 3}.claim{fill:none;stroke:#bc4c00;stroke-width:4;stroke-linecap:round}"

export function readPicture(): string {
  return readFileSync(picture, "utf8")
}

/** `node packages/report/src/golden.fixture.ts` writes spec/vectors/reports and the picture anew: look at what changed. */
if (import.meta.main) {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of goldenFiles()) writeFileSync(join(folder, name), text)
  writeFileSync(picture, compassPicture())
}
