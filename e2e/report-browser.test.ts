import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Dossier, htmlReport } from "@amc/report"
import axe from "axe-core"
import type { Browser } from "playwright-core"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { readDossiers } from "../packages/report/src/dossier.fixture.ts"
import { hostileTexts, withHostile } from "../packages/report/src/hostile.fixture.ts"
import { browserPath, type Look, openFile, startBrowser } from "./testing/browser.ts"

/** Each case as it is, and one with every hostile text in every place. */
const cases = [
  ...readDossiers(),
  ...readDossiers()
    .slice(-1)
    .map(({ dossier }) => ({
      name: "hostile",
      dossier: withHostile(dossier, hostileTexts.map((text) => text.slice(0, 400)).join(" ")),
    })),
]
/** Counts who asks for something. */
async function startListener(): Promise<{ url: string; hits: () => number; close: () => void }> {
  let count = 0
  const server = createServer((_, response) => {
    count++
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const close = (): void => void server.close()
  return { url: `http://127.0.0.1:${port}/x.png`, hits: () => count, close }
}

/** What is folded away is looked at as well. */
const unfold = "document.querySelectorAll('details').forEach((each) => (each.open = true))"

/** One of each kind: the same markup, and a tenth of the time that looking at all of it takes. */
function excerptOf(dossier: Dossier): Dossier {
  const { report, survey } = dossier
  const questions = report.questions.map((each) => ({ ...each, events: each.events.slice(0, 1) }))
  const [sessions, incidents] = [survey.sessions.slice(0, 3), survey.incidents.slice(0, 2)]
  return {
    ...dossier,
    report: { ...report, questions: questions.slice(0, 4) },
    survey: { ...survey, sessions, incidents },
  }
}

const looks: readonly (Look & { name: string })[] = [
  { name: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "a phone", width: 390 },
  { name: "a phone in the dark", width: 390, colorScheme: "dark" },
]

// Reading a page needs a browser, which is no part of AMC.
describe.skipIf(browserPath === undefined)("the HTML report in a browser", () => {
  let browser: Browser
  let folder: string
  const fileOf = (name: string): string => join(folder, `${name}.html`)

  const dossierOf = (name: string): Dossier => {
    const found = cases.find((each) => each.name === name)
    if (found === undefined) throw new Error(`there is no case ${name}`)
    return found.dossier
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "amc-report-"))
    for (const { name, dossier } of cases) writeFileSync(fileOf(name), htmlReport(dossier))
    browser = await startBrowser()
  })

  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each(cases)("asks for nothing, runs nothing and says nothing: $name", async ({ name }) => {
    const { page, deeds } = await openFile(browser, fileOf(name))
    for (const summary of await page.locator("summary:visible").all()) await summary.hover()
    expect(deeds).toEqual({
      requests: [pathToFileURL(fileOf(name)).href],
      dialogs: [],
      messages: [],
      errors: [],
    })
    expect(await page.evaluate("document.scripts.length")).toBe(0)
    expect(await page.title()).toContain("AMC evidence report")
    await page.context().close()
  })

  test("its own policy stops the script, the style and the request that somebody puts into it", async () => {
    const { url, hits, close } = await startListener()
    onTestFinished(close)
    const added = `<script>document.title="owned"</script><img src="${url}" onerror="document.title='owned'"><style>body{display:none}</style><p style="color:red" id="styled">x</p></main>`
    const page = htmlReport(dossierOf("good")).replace("</main>", added)
    writeFileSync(fileOf("added"), page)
    writeFileSync(fileOf("free"), page.replace(/<meta\s+http-equiv[^>]*>/, ""))
    expect(await happened("free")).toEqual({
      title: "owned",
      isShown: false,
      colour: "rgb(255, 0, 0)",
    })
    expect(hits()).toBe(1)
    const { title, isShown, colour } = await happened("added")
    expect({ title: title === "owned", isShown, isRed: colour === "rgb(255, 0, 0)" }).toEqual({
      title: false,
      isShown: true,
      isRed: false,
    })
    expect(hits()).toBe(1)
  })

  async function happened(
    name: string,
  ): Promise<{ title: string; isShown: boolean; colour: string }> {
    const { page } = await openFile(browser, fileOf(name), { offline: false })
    const colour = `getComputedStyle(document.getElementById("styled")).color`
    const seen = {
      title: await page.title(),
      isShown: await page.locator("h1").isVisible(),
      colour: await page.evaluate<string>(colour),
    }
    await page.context().close()
    return seen
  }

  test.each(cases)("is as wide as the screen and no wider: $name", async ({ name }) => {
    for (const look of looks) {
      const { page } = await openFile(browser, fileOf(name), look)
      await page.evaluate(unfold)
      const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
      expect(await page.evaluate(overflow), look.name).toBe(0)
      await page.context().close()
    }
  })

  const views = cases
    .flatMap(({ name, dossier }) => looks.map((look) => ({ name, look, dossier })))
    .filter(({ name, look }) => name === "middling" || (name === "hostile" && look.name === "dark"))

  test.each(views)("can be read by everybody: $name, $look.name", async ({ dossier, look }) => {
    writeFileSync(fileOf("excerpt"), htmlReport(excerptOf(dossier)))
    const { page } = await openFile(browser, fileOf("excerpt"), look)
    await page.evaluate(unfold)
    await page.evaluate(axe.source)
    const { violations, passes } = (await page.evaluate("axe.run()")) as {
      violations: readonly { id: string; nodes: readonly { html: string }[] }[]
      passes: readonly unknown[]
    }
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`)
    expect(told).toEqual([])
    expect(passes.length).toBeGreaterThan(20)
    await page.context().close()
  })

  test("is printed with its evidence unfolded, and by keyboard its parts open", async () => {
    const { page } = await openFile(browser, fileOf("good"))
    const first = page.locator("details.evidence").first()
    expect(await first.locator("table").first().isVisible()).toBe(false)
    await first.locator("summary").first().press("Enter")
    expect(await first.locator("table").first().isVisible()).toBe(true)
    await first.locator("summary").first().press("Enter")
    await page.emulateMedia({ media: "print" })
    const height = await first.locator("table").first().boundingBox()
    expect(height?.height ?? 0).toBeGreaterThan(10)
    expect((await page.pdf({ format: "A4" })).length).toBeGreaterThan(20_000)
    await page.context().close()
  })

  test("leads from a question down to an event's hash and the command that proves it", async () => {
    const { page } = await openFile(browser, fileOf("middling"))
    const question = page.locator("article", { hasText: "SK-02" })
    await question.locator("summary").first().click()
    const event = question.locator(".events details").first()
    await event.locator("summary").click()
    const text = await event.innerText()
    const [hash] = /\b[0-9a-f]{64}\b/.exec(text) ?? []
    expect(text).toContain(`amc ledger prove ${hash} --out event-`)
    expect(text).toMatch(/as OBSERVED evidence/)
    await page.context().close()
  })
})
