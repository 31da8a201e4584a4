import { existsSync, globSync, readFileSync, symlinkSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"
import { parseCommandLine } from "../packages/cli/src/parser.ts"
import { run } from "./testing/amc.ts"
import { makePlace } from "./testing/place.ts"

const top = fileURLToPath(new URL("..", import.meta.url))
const documents = filesOf(["*.md", "docs/**/*.md", "spec/*.md", "examples/*/README.md"])
const sources = filesOf(["packages/*/src/**/*.ts", "examples/*/src/**/*.ts"])

function filesOf(patterns: readonly string[]): readonly string[] {
  return globSync(patterns, { cwd: top, exclude: ["**/node_modules/**"] }).sort()
}

function read(path: string): string {
  return readFileSync(join(top, path), "utf8")
}

/** What stands between fences, line by line. */
function codeLines(path: string): readonly string[] {
  const blocks = read(path).matchAll(/^```[a-z]*\n([\s\S]*?)^```$/gm)
  return [...blocks].flatMap(([, block = ""]) => block.split("\n"))
}

function withoutCode(path: string): string {
  return read(path).replaceAll(/^```[\s\S]*?^```$/gm, "")
}

/** The words of a shell line; enough for the quotes that documents use. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? "")
}

/** What follows `amc` in the lines of a document's code blocks, up to what the shell does next. */
function commandLines(path: string): readonly string[] {
  return codeLines(path).flatMap(
    (line) => /^(?:npx --no-install )?amc (.+?)(?: (?:\|\|?|&&) .*)?$/.exec(line)?.[1] ?? [],
  )
}

function anchorsOf(path: string): readonly string[] {
  const headings = withoutCode(path).matchAll(/^#+ (.+)$/gm)
  return [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .replaceAll(/\s/g, "-"),
  )
}

function brokenLinks(path: string): readonly string[] {
  const links = [...withoutCode(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link)
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false
    const [file = "", anchor] = link.split("#")
    const target = file === "" ? path : join(dirname(path), file)
    if (!existsSync(join(top, target))) return true
    return anchor !== undefined && !anchorsOf(target).includes(anchor)
  })
}

test("there are documents and sources to look at", () => {
  expect(documents).toContain("README.md")
  expect(documents).toContain("docs/requirements.md")
  expect(documents.some((path) => path.startsWith("spec/"))).toBe(true)
  expect(sources.length).toBeGreaterThan(50)
})

test.each(documents)("every relative link of %s leads somewhere", (path) => {
  expect(brokenLinks(path)).toEqual([])
})

test("every command of the documents is one that amc has, with its options", async () => {
  const lines = documents.flatMap((path) => commandLines(path).map((line) => ({ path, line })))
  expect(lines.filter(({ path }) => path === "README.md").length).toBeGreaterThan(3)
  for (const { path, line } of lines) {
    const parsed = await parseCommandLine(wordsOf(line), "0").catch((error: Error) => error)
    expect(parsed, `${path}: amc ${line}`).toMatchObject({ kind: "command" })
  }
})

test("every requirement that documents and sources name exists", () => {
  const rows = read("docs/requirements.md").matchAll(/^\| ([A-Z]\d{1,2}) \|/gm)
  const known = new Set([...rows].map(([, id = ""]) => id))
  expect(known.size).toBeGreaterThan(40)
  const named = (text: string, pattern: RegExp): readonly string[] =>
    [...text.matchAll(pattern)].map(([, id = ""]) => id)
  // The cases of that page have ids of their own, which their own test holds to it.
  const speaking = documents.filter((path) => path !== "docs/tamper-cases.md")
  const unknown = [
    ...speaking.flatMap((path) =>
      named(withoutCode(path), /(?<![\w-])([TLKGFSRBCD][1-9]\d?)(?![\w-])/g).map((id) => ({
        path,
        id,
      })),
    ),
    ...sources.flatMap((path) =>
      named(read(path), /\/?\*.*\(([TLKGFSRBCD][1-9]\d?)\)/g).map((id) => ({ path, id })),
    ),
  ].filter(({ id }) => !known.has(id))
  expect(unknown).toEqual([])
})

test("B2, B4: the session of docs/gates.md blocks a release, lets one pass and certifies it, as it stands there", async () => {
  const [, session = ""] = /^```sh\n([\s\S]*?)^```$/mu.exec(read("docs/gates.md")) ?? []
  const place = makePlace()
  try {
    for (const name of ["packages", "examples", "node_modules"])
      symlinkSync(join(top, name), join(place.cwd, name))
    const { exit, stdout, stderr } = await run(["sh", "-eu", "-c", session], place)
    expect(exit, stderr).toBe(0)
    const verdicts = stdout.match(/^(?:REFUSED by 1|PASSED all)(?= )|^blocked, exit 1$/gmu)
    expect(verdicts).toEqual(["REFUSED by 1", "blocked, exit 1", "PASSED all", "PASSED all"])
    expect(stdout).toMatch(/^my-agent\.amccert: accepted; /mu)
    for (const file of ["gate.sarif", "badge.svg", ".github/workflows/amc-gate.yml"])
      expect(existsSync(join(place.cwd, "tmp/gated", file)), file).toBe(true)
  } finally {
    place.remove()
  }
}, 120_000)
