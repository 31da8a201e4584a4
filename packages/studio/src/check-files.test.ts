import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { checkFilesInWork, checkInBox, checkWarnings, hiddenFromAgent } from "./check-files.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { SessionTerms } from "./session-terms.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

/** `agent/`, `checks/` and `work/` side by side; the command is given in the folder above them. */
function laidOut(change: Partial<SessionTerms>): { top: string; terms: SessionTerms } {
  const top = realpathSync(temporaryFolder())
  const files = ["agent/main.js", "agent/near.js", "checks/check.js", "checks/key.json"]
  for (const file of [...files, "work/test.js", "work/real/inner.js"]) {
    mkdirSync(dirname(join(top, file)), { recursive: true })
    writeFileSync(join(top, file), "x")
  }
  symlinkSync("real/inner.js", join(top, "work/linked.js"))
  const terms = sessionTerms({
    cwd: top,
    work: join(top, "work"),
    command: ["node", "agent/main.js"],
    ...change,
  })
  return { top, terms }
}

test.each([
  { why: "a folder of its own", check: "node checks/check.js", hidden: ["checks"] },
  { why: "the agent's folder", check: "node agent/near.js", hidden: ["agent/near.js"] },
  { why: "the work folder", check: "node test.js", hidden: ["work/test.js"] },
  { why: "a redirection", check: "cat <checks/key.json", hidden: ["checks"] },
  { why: "an option's value", check: "run --key=checks/key.json", hidden: ["checks"] },
  { why: "the agent's program itself", check: "node agent/main.js", hidden: [] },
])("of a check in $why the agent does not see $hidden", ({ check, hidden }) => {
  const { top, terms } = laidOut({ check })
  expect(hiddenFromAgent(terms)).toEqual(hidden.map((path) => join(top, path)))
})

test("of a check that is named through a link, neither the link nor the file is copied", () => {
  const { terms } = laidOut({ check: "node linked.js" })
  expect(checkFilesInWork(terms)).toEqual(["linked.js", "real/inner.js"])
})

test.each([
  { why: "names no file", check: "npm test", says: /names no file/ },
  { why: "names a program of the system alone", check: "/bin/true", says: /names no file/ },
  { why: "lies with the agent", check: "node agent/near.js", says: /can read the files beside/ },
  { why: "lies in the work folder", check: "node test.js", says: /can read and change what lies/ },
  { why: "is the agent", check: "node agent/main.js", says: /is the agent's program too/ },
])("a check that $why is warned of once", ({ check, says }) => {
  const { terms } = laidOut({ check })
  expect(checkWarnings(terms)).toEqual([expect.stringMatching(says)])
})

test.each([
  { why: "has a folder of its own", change: { check: "node checks/check.js" } },
  { why: "is not there", change: { check: null } },
  { why: "is not run", change: { check: "npm test", driver: "none" as const } },
])("a check that $why is not warned of", ({ change }) => {
  expect(checkWarnings(laidOut(change).terms)).toEqual([])
})

test("a name means the work folder's file first, and another's is run by its full path", () => {
  const { top, terms } = laidOut({ check: "node test.js&&node 'checks/check.js' -v out.txt" })
  expect(checkInBox(terms)).toBe(`node test.js&&node '${top}/checks/check.js' -v out.txt`)
})

test("a name that can't be made a full path is refused", () => {
  const cwd = join(temporaryFolder(), "a b")
  mkdirSync(join(cwd, "work"), { recursive: true })
  writeFileSync(join(cwd, "check.js"), "x")
  const terms = sessionTerms({ cwd, work: join(cwd, "work"), check: "node check.js" })
  expect(() => checkInBox(terms)).toThrow(expect.objectContaining({ code: "usage/invalid" }))
})
