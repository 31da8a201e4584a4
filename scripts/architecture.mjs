// Writes the tables that the sources decide into the documents; with --check only says where they differ.
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { errorCodes } from "../packages/core/src/errors.ts"

const top = fileURLToPath(new URL("..", import.meta.url))
const rooms = createRequire(import.meta.url)("../rooms.cjs")
const lock = readJson("package-lock.json").packages

function readJson(path) {
  return JSON.parse(readFileSync(join(top, path), "utf8"))
}

function table(head, rows) {
  const line = (cells) => `| ${cells.join(" | ")} |`
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n")
}

function roomTable() {
  const rows = Object.entries(rooms).map(([name, { floor, holds, may }]) => {
    return [floor, `[\`${name}\`](packages/${name}/src)`, holds, may.join(", ") || "nothing"]
  })
  return table(["floor", "room", "what lives there", "may import"], rows)
}

function errorTable() {
  const rows = Object.entries(errorCodes).map(([code, meaning]) => [`\`${code}\``, meaning])
  return table(["code", "meaning"], rows)
}

function dependencyTable(text) {
  const rows = [...runtimeDependencies()].map(([name, users]) => {
    const { license = "not stated" } = lock[`node_modules/${name}`] ?? {}
    return [
      `\`${name}\``,
      [...users].join(", "),
      license,
      broughtBy(name).size,
      reasonIn(text, name),
    ]
  })
  return table(["package", "used by", "licence", "brings", "why this one, and what it costs"], rows)
}

/** By package, the workspaces that need it to run. */
function runtimeDependencies() {
  const found = new Map()
  for (const folder of ["", ...foldersOf("packages"), ...foldersOf("examples")]) {
    const { dependencies, optionalDependencies } = readJson(join(folder, "package.json"))
    const names = Object.keys({ ...dependencies, ...optionalDependencies })
    for (const name of names.filter((name) => lock[`node_modules/${name}`]?.link !== true))
      found.set(name, [...(found.get(name) ?? []), folder.split("/").at(-1) || "set-up"])
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** An example that is one file, or in another language, is no package. */
function foldersOf(parent) {
  const folders = readdirSync(join(top, parent)).map((name) => `${parent}/${name}`)
  return folders.filter((folder) => existsSync(join(top, folder, "package.json")))
}

/** The further packages that come with one; optional and peer dependencies aside. */
function broughtBy(name, found = new Set()) {
  for (const next of Object.keys(lock[`node_modules/${name}`]?.dependencies ?? {})) {
    if (found.has(next)) continue
    found.add(next)
    broughtBy(next, found)
  }
  return found
}

/** The one column that a person writes. */
function reasonIn(text, name) {
  const row = text.split("\n").find((line) => line.startsWith(`| \`${name}\` |`))
  const reason = row?.split(" | ").slice(4).join(" | ").replace(/ \|$/, "") ?? ""
  if (reason === "") throw new Error(`docs/dependencies.md: say why ${name} is needed`)
  return reason
}

const documents = [
  { path: "ARCHITECTURE.md", block: "rooms", source: "rooms.cjs", make: roomTable },
  {
    path: "docs/errors.md",
    block: "errors",
    source: "packages/core/src/errors.ts",
    make: errorTable,
  },
  {
    path: "docs/dependencies.md",
    block: "dependencies",
    source: "the package.json files",
    make: dependencyTable,
  },
]

function withBlock(text, { path, block, make }) {
  const [open, close] = [`<!-- ${block} -->`, `<!-- /${block} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start)
    throw new Error(`${path}: the markers ${open} and ${close} are missing`)
  return `${text.slice(0, start + open.length)}\n\n${make(text)}\n\n${text.slice(end)}`
}

function keep(document) {
  const { path, source } = document
  const text = readFileSync(join(top, path), "utf8")
  const wanted = withBlock(text, document)
  if (wanted === text) return
  if (process.argv.includes("--check"))
    throw new Error(`${path} differs from ${source}: run 'node scripts/architecture.mjs'`)
  writeFileSync(join(top, path), wanted)
}

for (const document of documents) {
  try {
    keep(document)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
