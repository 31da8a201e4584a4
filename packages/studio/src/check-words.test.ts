import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { requireCheckWords } from "./check-words.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { SessionTerms } from "./session-terms.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

/** A folder with `check.js`, and `work/test.js` in it. */
function termsOf(check: string, change: Partial<SessionTerms> = {}): SessionTerms {
  const cwd = temporaryFolder()
  const work = join(cwd, "work")
  mkdirSync(work)
  writeFileSync(join(cwd, "check.js"), "0")
  writeFileSync(join(work, "test.js"), "0")
  return sessionTerms({ cwd, work, check: check.replaceAll("$CWD", cwd), ...change })
}

test.each([
  { why: "a script", check: "node chekc.js", word: "chekc.js" },
  { why: "a script behind an option", check: "node --no-warnings chekc.js", word: "chekc.js" },
  { why: "a quoted script", check: "python3 'chekc.py'", word: "chekc.py" },
  { why: "a program by its path", check: "./chekc", word: "./chekc" },
  { why: "a second command", check: "npm test && sh chekc.sh", word: "chekc.sh" },
  { why: "behind a setting", check: "A=1 node chekc.js", word: "chekc.js" },
  { why: "a file elsewhere", check: "diff out.txt /nowhere/key.txt", word: "/nowhere/key.txt" },
  { why: "a redirection", check: "cat </nowhere/key.txt", word: "/nowhere/key.txt" },
])("a check that names $why that is not there is refused", ({ check, word }) => {
  expect(() => requireCheckWords(termsOf(check))).toThrow(
    expect.objectContaining({
      code: "usage/invalid",
      message: `the check names ${word}, which is not there`,
    }),
  )
})

test.each([
  "node check.js",
  "node test.js",
  "node $CWD/check.js && npm test",
  "test -f made.txt",
  "grep -q done out/made.log",
  "test -e /workspace/made.txt",
  "node -e 'require(\"./made.js\")'",
  "python3 -m pytest tests/made.py",
  "node --test made/",
  "cd made && node main.js",
  "node $MADE/main.js",
  "sh -c 'made.sh'",
  "npm test >/tmp/out.txt",
  "true",
])("the check %s is left alone", (check) => {
  expect(() => requireCheckWords(termsOf(check))).not.toThrow()
})

test("a check that is not run is not looked at", () => {
  expect(() => requireCheckWords(termsOf("node chekc.js", { driver: "none" }))).not.toThrow()
  expect(() => requireCheckWords(termsOf("", { check: null }))).not.toThrow()
})
