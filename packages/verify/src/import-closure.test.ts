import { existsSync, readFileSync } from "node:fs"
import { builtinModules } from "node:module"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const repository = fileURLToPath(new URL("../../../", import.meta.url))
const entry = fileURLToPath(new URL("index.ts", import.meta.url))
const programs = ["amc-verify-main.ts", "page-main.ts"].map((name) =>
  join(repository, "packages/verifier/src", name),
)
const builtins = new Set([...builtinModules, ...builtinModules.map((name) => `node:${name}`)])

/** Every specifier that a file imports for use; `import type` leaves no trace at run time. */
function importsOf(file: string): string[] {
  const source = readFileSync(file, "utf8").replaceAll(/\/\*[\s\S]*?\*\//gu, "")
  const statements = source.matchAll(
    /(?:^|[;\n}])\s*(?:import|export)\s+(?!type\b)(?:[\w*{][^;'"]*?\bfrom\s*)?["']([^"']+)["']/gu,
  )
  const calls = source.matchAll(/\b(?:import|require)\(\s*["']([^"']+)["']\s*\)/gu)
  return [...statements, ...calls].map(([, specifier]) => specifier!)
}

type Target = string | null | undefined | { readonly [condition: string]: Target }

function pick(target: Target, conditions: readonly string[]): string | undefined {
  if (typeof target === "string") return target
  for (const [condition, inner] of Object.entries(target ?? {})) {
    const found =
      condition === "default" || conditions.includes(condition)
        ? pick(inner, conditions)
        : undefined
    if (found !== undefined) return found
  }
  return undefined
}

interface Manifest {
  readonly exports?: Target
  readonly imports?: Readonly<Record<string, Target>>
  readonly main?: string
  readonly module?: string
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest
}

function folderOf(file: string): string {
  const folder = dirname(file)
  return existsSync(join(folder, "package.json")) && !folder.endsWith(`${sep}dist`)
    ? folder
    : folderOf(folder)
}

function resolveFrom(file: string, specifier: string, conditions: readonly string[]): string {
  if (specifier.startsWith(".")) return resolve(dirname(file), specifier)
  if (specifier.startsWith("#")) {
    const folder = folderOf(file)
    return join(folder, pick(manifestOf(folder).imports?.[specifier], conditions)!)
  }
  const parts = specifier.split("/")
  const name = parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/")
  const folder = name.startsWith("@amc/")
    ? join(repository, "packages", name.slice(5))
    : join(repository, "node_modules", name)
  const subpath = `.${specifier.slice(name.length)}`
  const { exports: entries, module, main } = manifestOf(folder)
  const isMap =
    typeof entries === "object" &&
    entries !== null &&
    Object.keys(entries).some((key) => key.startsWith("."))
  const target = isMap ? entries[subpath] : entries
  return join(folder, pick(target, conditions) ?? module ?? main ?? "index.js")
}

function closure(
  conditions: readonly string[],
  from: string = entry,
): { files: string[]; builtin: string[] } {
  const files = new Set<string>()
  const builtin = new Set<string>()
  const open = [from]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (files.has(file)) continue
    files.add(file)
    for (const specifier of importsOf(file))
      if (builtins.has(specifier)) builtin.add(`${relative(repository, file)} imports ${specifier}`)
      else open.push(resolveFrom(file, specifier, conditions))
  }
  return { files: [...files].map((file) => relative(repository, file)), builtin: [...builtin] }
}

const roomsOf = (files: readonly string[]): string[] =>
  [...new Set(files.flatMap((file) => /^packages\/([^/]+)/u.exec(file)?.[1] ?? []))].sort()

test("the verifier for browsers reaches no builtin module, and only the rooms that it may", () => {
  const { files, builtin } = closure(["browser", "import"])
  expect(builtin).toEqual([])
  expect(roomsOf(files)).toEqual(["bundle", "core", "score", "verify"])
  expect(files.filter((file) => file.endsWith(".node"))).toEqual([])
  expect(files.length).toBeGreaterThan(50)
  expect(files).toContain("packages/core/src/crypto-browser.ts")
})

test("the verifier for Node adds node:crypto in one file of ours, and what its yaml reader names of Node", () => {
  const { files, builtin } = closure(["node", "import"])
  expect(roomsOf(files)).toEqual(["bundle", "core", "score", "verify"])
  expect(builtin.filter((line) => line.startsWith("packages/"))).toEqual([
    "packages/core/src/crypto-node.ts imports node:crypto",
  ])
  const named = new Set(builtin.map((line) => line.replace(/^.* imports (?:node:)?/u, "")))
  expect([...named].sort()).toEqual(["buffer", "crypto", "process"])
})

const packagesOf = (files: readonly string[]): string[] =>
  [
    ...new Set(
      files.flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/u.exec(file)?.[1] ?? []),
    ),
  ].sort()

test("the verifier's program and page rest on the packages of their checked-in list, none of them native", () => {
  const list = JSON.parse(
    readFileSync(join(repository, "packages/verifier/dependencies.json"), "utf8"),
  ) as unknown
  const [program, page] = [
    closure(["node", "import"], programs[0]),
    closure(["browser", "import"], programs[1]),
  ]
  const builtin = program.builtin
    .filter((line) => line.startsWith("packages/"))
    .map((line) => line.replace(/^.* imports node:/u, ""))
  expect({
    program: packagesOf(program.files),
    page: packagesOf(page.files),
    node: [...new Set(builtin)].sort(),
  }).toEqual(list)
  expect(page.builtin).toEqual([])
  for (const { files } of [program, page]) {
    expect(roomsOf(files)).toEqual(["bundle", "core", "score", "verifier", "verify"])
    expect(files.filter((file) => /\.node$|binding\.gyp|prebuilds/u.test(file))).toEqual([])
  }
})

test("no room of the verifier fetches, opens sockets or loads modules at run time", () => {
  const { files } = closure(["browser", "import"])
  const ours = files.filter((file) => file.startsWith("packages/"))
  const world =
    /\b(?:fetch|WebSocket|XMLHttpRequest|EventSource|process|require|globalThis|eval)\b\s*[.(]|\bimport\(/u
  const commentsAndTexts = /\/\*[\s\S]*?\*\/|\/\/.*|"[^"\n]*"/gu
  const uses = ours.filter((file) =>
    world.test(readFileSync(join(repository, file), "utf8").replaceAll(commentsAndTexts, "")),
  )
  expect(uses).toEqual([])
})
