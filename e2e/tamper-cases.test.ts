import { existsSync, readFileSync } from "node:fs"
import { basename } from "node:path"
import { expect, test } from "vitest"

const top = new URL("..", import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, top), "utf8")

interface Case {
  readonly id: string
  readonly files: readonly string[]
  readonly dropped: string | undefined
}

const cases: readonly Case[] = [
  ...read("docs/tamper-cases.md").matchAll(/^\| ([LSRB]\d\d) \| [^|]+ \| ([^|]+) \|$/gmu),
].map(([, id = "", where = ""]) => ({
  id,
  files: [...where.matchAll(/`([^`]+\.(?:ts|json))`/gu)].map(([, file = ""]) => file),
  dropped: /^dropped: (.+)$/u.exec(where)?.[1],
}))

function numbered(letter: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${letter}${String(at + 1).padStart(2, "0")}`)
}

test("the list of tamper cases is whole", () => {
  const ids = [
    ...numbered("L", 29),
    ...numbered("S", 19),
    ...numbered("R", 7),
    ...numbered("B", 15),
  ]
  expect(cases.map(({ id }) => id)).toEqual(ids)
})

/** Whether a line gives a test, or one of its rows, a name with this id. */
function isNamed(text: string, id: string): boolean {
  const name = new RegExp(
    `(\\btest\\(|\\)\\(|\\b(?:why|id)"?:|^ *)\\s*["\`][^"\`]*\\b${id}\\b`,
    "mu",
  )
  return name.test(text)
}

test.each(cases)("$id stands in the names of the tests that are said to be of it", (one) => {
  if (one.dropped !== undefined) return expect(one.dropped.length).toBeGreaterThan(40)
  expect(one.files.some((file) => file.endsWith(".test.ts"))).toBe(true)
  for (const file of one.files) {
    expect(existsSync(new URL(file, top)), file).toBe(true)
    // A test that takes its names from a vector has none of its own.
    const vectors = one.files.find((each) => each.endsWith(".json"))
    const isByVector = vectors !== undefined && read(file).includes(`"${basename(vectors)}"`)
    expect([file, isByVector || isNamed(read(file), one.id)]).toEqual([file, true])
  }
})
