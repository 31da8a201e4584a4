import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { createHash } from "node:crypto"
import { dirname, join } from "node:path"
import { removeTree } from "@amc/sandbox"
import { expect, onTestFinished, test } from "vitest"
import type { Capture } from "./capture.ts"
import { checkOutcome } from "./check.ts"
import type { OpenedSession } from "./opened-session.ts"
import { sessionTerms } from "./session-terms.fixture.ts"
import type { CheckResult, SessionTerms } from "./session-terms.ts"
import { StateHome } from "./state-home.ts"
import { makeWork } from "./work-copy.ts"
import { temporaryFolder } from "./workspace.fixture.ts"

const honest = `
  const { readFileSync } = require("node:fs")
  process.exit(readFileSync("result.txt", "utf8") === "42" ? 0 : 3)`
const forged = "process.exit(0)"

interface Checked {
  readonly result: CheckResult
  readonly outcome: Record<string, unknown>
}

/** What the check finds when the agent left its copy of the work folder as `agent` makes it. */
async function checked(
  cwd: string,
  change: Partial<SessionTerms>,
  agent: (left: string) => void,
): Promise<Checked> {
  const terms = sessionTerms({ cwd, ...change })
  const work = makeWork(terms)
  const state = new StateHome({ XDG_STATE_HOME: temporaryFolder() })
  onTestFinished(async () => void (await removeTree(work.root)))
  agent(work.dir)
  let outcome = {}
  const opened = {
    capture: { clock: () => 5, workspace: { state } } as unknown as Capture,
    terms,
    work: work.dir,
    record: async (_type: string, _channel: string, measured: object) => void (outcome = measured),
  } as unknown as OpenedSession
  return { result: await checkOutcome(opened), outcome }
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const folder = join(temporaryFolder(), "owner")
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  return folder
}

const place = (left: string, path: string, content: string): void => {
  mkdirSync(dirname(join(left, path)), { recursive: true })
  writeFileSync(join(left, path), content)
}

interface Forge {
  readonly why: string
  readonly check: string
  readonly agent: (left: string, outside: string) => void
}

test.each<Forge>([
  {
    why: "a file in its place",
    check: "node check.js",
    agent: (left) => place(left, "check.js", forged),
  },
  {
    why: "a link in its place",
    check: "node check.js",
    agent: (left) => {
      place(left, "mine.js", forged)
      symlinkSync("mine.js", join(left, "check.js"))
    },
  },
  {
    why: "a link to a file of the monitor's in its place",
    check: "node check.js",
    agent: (left, outside) => symlinkSync(join(outside, "kept.js"), join(left, "check.js")),
  },
  {
    why: "a full folder in its place",
    check: "node check.js",
    agent: (left) => place(left, "check.js/index.js", forged),
  },
  {
    why: "a second name of a file of its own",
    check: "node check.js",
    agent: (left) => {
      place(left, "mine.js", forged)
      linkSync(join(left, "mine.js"), join(left, "check.js"))
    },
  },
  {
    why: "a link in place of its folder",
    check: "node tests/deep/check.js",
    agent: (left) => {
      place(left, "mine/deep/check.js", forged)
      rmSync(join(left, "tests"), { recursive: true })
      symlinkSync("mine", join(left, "tests"))
    },
  },
  {
    why: "a link out of the work folder in place of its folder",
    check: "node tests/deep/check.js",
    agent: (left, outside) => {
      rmSync(join(left, "tests"), { recursive: true })
      symlinkSync(outside, join(left, "tests"))
    },
  },
  {
    why: "a file where the owner has a link to it",
    check: "node linked.js",
    agent: (left) => place(left, "linked.js", forged),
  },
  {
    why: "a folder where the owner has a link to its folder",
    check: "node shortcut/check.js",
    agent: (left) => {
      rmSync(join(left, "shortcut"))
      place(left, "shortcut/check.js", forged)
    },
  },
  {
    why: "a shut folder around it",
    check: "node tests/deep/check.js",
    agent: (left) => {
      place(left, "tests/deep/check.js", forged)
      chmodSync(join(left, "tests"), 0)
    },
  },
  {
    why: "packages in place of the owner's",
    check: "node packaged.js",
    agent: (left) => {
      rmSync(join(left, "node_modules"))
      place(left, "node_modules/judge/index.js", forged)
    },
  },
])("an agent forges no check with $why", async ({ check, agent }) => {
  const cwd = folderWith({
    "check.js": honest,
    "tests/deep/check.js": honest,
    "packaged.js": 'require("judge")',
    "node_modules/judge/index.js": honest,
    "package.json": "{}",
  })
  symlinkSync("tests/deep/check.js", join(cwd, "linked.js"))
  symlinkSync("tests/deep", join(cwd, "shortcut"))
  const outside = folderWith({ "kept.js": forged })
  for (const [answer, exit] of [
    ["41", 3],
    ["42", 0],
  ] as const) {
    const { outcome, result } = await checked(cwd, { check }, (left) => {
      writeFileSync(join(left, "result.txt"), answer)
      agent(left, outside)
    })
    expect(outcome, result.said).toMatchObject({ exit_code: exit, passed: exit === 0 })
  }
  expect(readdirSync(outside)).toEqual(["kept.js"])
  expect(readFileSync(join(outside, "kept.js"), "utf8")).toBe(forged)
})

test("the digest of a check is of its words and of the owner's bytes, whatever the agent left", async () => {
  const cwd = folderWith({ "check.js": "process.exit(0)" })
  const hex = (text: string): string => createHash("sha256").update(text).digest("hex")
  const { outcome } = await checked(cwd, { check: "node check.js" }, (left) =>
    writeFileSync(join(left, "check.js"), "other"),
  )
  expect(outcome["check_sha256"]).toBe(hex(`node check.js\n${hex("process.exit(0)")}`))
})

test("a check outside the work folder is run from there, not from a file of its name in it", async () => {
  const cwd = folderWith({ "checks/check.js": "process.exit(3)", "work/task": "" })
  const change = { check: "node checks/check.js", work: join(cwd, "work") }
  const { outcome } = await checked(cwd, change, (left) => place(left, "checks/check.js", forged))
  expect(outcome).toMatchObject({ exit_code: 3, passed: false })
})

test("a check that is a program stays one", async () => {
  const cwd = folderWith({ "check.sh": "#!/bin/sh\nexit 6\n" })
  chmodSync(join(cwd, "check.sh"), 0o700)
  const { outcome } = await checked(cwd, { check: "./check.sh" }, () => undefined)
  expect(outcome).toMatchObject({ exit_code: 6 })
})

test("a work folder that the agent has shut is opened for the check", async () => {
  const cwd = folderWith({ "check.js": forged })
  const { outcome } = await checked(cwd, { check: "node check.js" }, (left) => chmodSync(left, 0))
  expect(outcome).toMatchObject({ exit_code: 0, passed: true })
})

test("a check whose box can't be built is one that was not passed", async () => {
  const cwd = folderWith({ "check.js": forged })
  const { outcome, result } = await checked(cwd, { check: "node check.js" }, (left) => {
    renameSync(left, `${left}-gone`)
    writeFileSync(left, "a file")
  })
  expect(outcome).toMatchObject({ exit_code: 125, timed_out: false, passed: false })
  expect(result).toMatchObject({ verdict: "failed", said: expect.stringContaining("not be run") })
  expect(existsSync(cwd)).toBe(true)
})
