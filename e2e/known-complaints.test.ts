import { globSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { expect, test } from "vitest"

const top = fileURLToPath(new URL("..", import.meta.url))

/** All that a text names: `owner #1, #2` is `owner #1` and `owner #2`. */
function complaintsIn(text: string): readonly string[] {
  const groups = text.matchAll(/([\w-]+) (#\d+(?:, #\d+)*)/gu)
  const issues = [...groups].flatMap(([, owner, numbers = ""]) =>
    numbers.split(", ").map((number) => `${owner} ${number}`),
  )
  return [...issues, ...(text.match(/\btrap \d+/gu) ?? [])]
}

const rows = readFileSync(`${top}/docs/known-complaints.md`, "utf8").matchAll(/^\| ([^|]+) \|/gmu)
const known = [...rows].flatMap(([, first = ""]) => complaintsIn(first))

/** The texts in quotes of a test file: names of tests and of their rows are among them. */
const quoted = globSync(["packages/*/src/**/*.test.ts", "e2e/*.test.ts"], { cwd: top })
  .filter((path) => !path.endsWith("known-complaints.test.ts"))
  .flatMap((path) => readFileSync(`${top}/${path}`, "utf8").match(/"[^"\n]*"/gu) ?? [])
const named = new Set(quoted.flatMap(complaintsIn))

test("the list of complaints is whole", () => {
  expect(new Set(known).size).toBe(known.length)
  expect(known).toHaveLength(58)
})

test.each(known)("%s stands in the name of a test", (complaint) => {
  expect(named.has(complaint)).toBe(true)
})
