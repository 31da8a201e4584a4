import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { dossierSchema } from "../packages/report/src/dossier-schema.fixture.ts"
import { amc, amcJson, clone } from "./testing/amc.ts"
import { browserPath, openFile, startBrowser } from "./testing/browser.ts"
import { makeWorkspace, type TestWorkspace } from "./testing/workspace.ts"

const model = `"><script>document.title="owned"</script>\u001B[2J\u202E|\`@all`

let own: TestWorkspace
let runId: string
let bundle: string

beforeAll(async () => {
  own = await makeWorkspace()
  const who = ["--agent", "poser", "--provider", "scripted", "--sessions", "1"]
  const agent = ["--", "node", join(clone, "e2e/agents/poser.ts"), model]
  const { data, stderr } = await amcJson(own, ["score", ...who, ...agent])
  if (data === null) throw new Error(stderr)
  runId = data.report.run_id
  bundle = data.bundle
}, 240_000)

afterAll(() => own?.close())

/** What `amc run report` writes of the run, or of another thing. */
async function reportOf(format: string, what = runId): Promise<string> {
  const { exit, stdout, stderr } = await amc(own, ["run", "report", what, "--format", format])
  expect({ exit, stderr }).toEqual({ exit: 0, stderr: "" })
  return stdout
}

test.each(["text", "json", "markdown", "html"])(
  "S9 gives the same bytes twice, on stdout and in a file: %s",
  async (format) => {
    const once = await reportOf(format)
    expect(await reportOf(format)).toBe(once)
    const file = join(own.top, `report.${format}`)
    const { exit, data } = await amcJson(own, [
      "run",
      "report",
      runId,
      "--format",
      format,
      "--out",
      file,
    ])
    expect({ exit, data }).toMatchObject({ exit: 0, data: { run_id: runId, format, file } })
    expect(readFileSync(file, "utf8")).toBe(once)
  },
)

test("what a model is called steers no terminal and no page", async () => {
  for (const format of ["text", "json", "markdown", "html"]) {
    const report = await reportOf(format)
    expect(report.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    if (format === "html") expect(report).not.toContain("<script")
  }
  expect(await reportOf("html")).toContain("&lt;script&gt;")
})

test("the JSON is of the published shape, and tells of the model what was reported", async () => {
  const dossier = dossierSchema.parse(JSON.parse(await reportOf("json")))
  expect(dossier.report.run_id).toBe(runId)
  expect(dossier.survey.sessions[0]?.reported.models).toContain(model)
  const { data } = await amcJson(own, ["run", "report", runId])
  expect(data.dossier).toEqual(dossier)
})

test("a bundle gives the same dossier as the ledger, by its own root", async () => {
  const [ours, theirs] = [await reportOf("json"), await reportOf("json", bundle)].map((text) =>
    JSON.parse(text),
  )
  expect(theirs).toEqual({ ...ours, basis: "bundle", verifier_label: "LOW TRUST" })
})

test("an event that the report names is proven by the command that stands beside it", async () => {
  const html = await reportOf("html")
  const [, words = ""] = /<code>amc (ledger prove [0-9a-f]{64}) --out/.exec(html) ?? []
  const proof = join(own.top, "event.tlog-proof")
  expect(await amc(own, [...words.split(" "), "--out", proof])).toMatchObject({ exit: 0 })
  const verified = ["ledger", "verify-proof", proof, "--root", own.root]
  expect(await amc(own, verified)).toMatchObject({ exit: 0 })
})

test.each([
  { why: "a format that there is not", args: ["--format", "pdf"], exit: 2 },
  { why: "a file that is there", args: ["--out", "taken"], exit: 2 },
  { why: "a root for a run", args: ["--root", `sha256:${"00".repeat(32)}`], exit: 2 },
])("refuses $why", async ({ args, exit }) => {
  own.write("taken", "mine")
  expect(await amc(own, ["run", "report", runId, ...args])).toMatchObject({ exit })
  expect(readFileSync(join(own.cwd, "taken"), "utf8")).toBe("mine")
})

test("says of a run that is not there, and of no bundle, that it could not look", async () => {
  const unknown = "run-00000000-0000-7000-8000-000000000000"
  expect(await amc(own, ["run", "report", unknown])).toMatchObject({ exit: 3 })
  expect(await amc(own, ["run", "report", "none.amcbundle"])).toMatchObject({ exit: 3 })
})

describe.skipIf(browserPath === undefined)("in a browser", () => {
  test("shows the run that the program wrote, and does nothing else", async () => {
    const file = join(own.top, "seen.html")
    writeFileSync(file, await reportOf("html"))
    const browser = await startBrowser()
    try {
      const { page, deeds } = await openFile(browser, file)
      expect(await page.locator("h1").innerText()).toContain("poser")
      expect(await page.title()).not.toBe("owned")
      expect({ ...deeds, requests: deeds.requests.length }).toEqual({
        requests: 1,
        dialogs: [],
        messages: [],
        errors: [],
      })
    } finally {
      await browser.close()
    }
  })
})

test("writes nothing of a report that was changed since it was sealed", async () => {
  const path = join(own.dir, "runs", runId, "report.json")
  const genuine = readFileSync(path, "utf8")
  writeFileSync(path, genuine.replace(/"overall":("U"|\d)/, '"overall":5'))
  const file = join(own.top, "forged.html")
  const forged = await amc(own, ["run", "report", runId, "--format", "html", "--out", file])
  writeFileSync(path, genuine)
  expect(forged.exit).toBe(4)
  expect(existsSync(file)).toBe(false)
})
