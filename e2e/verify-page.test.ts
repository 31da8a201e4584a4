import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { sha256Hex } from "@amc/core"
import axe from "axe-core"
import type { Browser, Page } from "playwright-core"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { bundleOf, makeRun, partsOf } from "../packages/verify/src/bundle.fixture.ts"
import { makeWorld } from "../packages/verify/src/world.fixture.ts"
import { clone } from "./testing/amc.ts"
import { browserPath, type Deeds, openFile, startBrowser } from "./testing/browser.ts"

const vectors = join(clone, "spec/vectors/bundle")
const { root_sha256, refused } = JSON.parse(readFileSync(join(vectors, "cases.json"), "utf8")) as {
  root_sha256: string
  refused: readonly { file: string; exit: number; edit?: object; why: string }[]
}

// The page needs a browser, which is no part of AMC.
describe.skipIf(browserPath === undefined)("verify.html in a browser, from disk", () => {
  let browser: Browser
  let folder: string
  let file: string

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "amc-page-"))
    file = join(folder, "verify.html")
    // Alone, so that nothing beside it can be of use to it.
    copyFileSync(join(clone, "packages/verifier/dist/verify.html"), file)
    browser = await startBrowser()
  })

  afterAll(async () => {
    await browser?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function judged(
    bundle: string,
    root = `sha256:${root_sha256}`,
  ): Promise<{ page: Page; deeds: Deeds; verdict: string; lines: string }> {
    const { page, deeds } = await openFile(browser, file)
    await page.locator("#root").fill(root)
    await page.locator("#bundle").setInputFiles(bundle)
    const said = page.locator("#verdict")
    await said.filter({ hasNotText: "Verifying" }).filter({ hasText: /\S/ }).waitFor()
    const lines = await page.locator("#lines").innerText()
    return { page, deeds, verdict: await said.innerText(), lines }
  }

  test("accepts a genuine bundle with a line for each question, and asks for nothing", async () => {
    const { page, deeds, verdict, lines } = await judged(join(vectors, "valid.amcbundle"))
    expect(verdict).toMatch(/^Accepted: valid\.amcbundle is genuine/)
    expect(lines).toContain(sha256Hex(readFileSync(join(vectors, "valid.amcbundle"))))
    expect(lines.match(/✓ holds/g)).toHaveLength(6)
    const { requests, ...rest } = deeds
    expect(rest).toEqual({ dialogs: [], messages: [], errors: [] })
    const own = pathToFileURL(file).href
    expect(requests.filter((url) => url !== own && !url.startsWith("blob:"))).toEqual([])
    await page.context().close()
  })

  test.each(refused.filter(({ edit }) => edit === undefined))(
    "refuses $file, as the program does: $why",
    async ({ file: name, exit }) => {
      const { page, verdict, lines } = await judged(join(vectors, name))
      expect(verdict).toBe(
        exit === 4
          ? `Rejected: ${name} was tampered with.`
          : `Rejected: ${name} is not to be trusted.`,
      )
      expect(lines).toContain("✗ fails")
      await page.context().close()
    },
  )

  test("refuses any file under another root, and says so without one", async () => {
    const { page, verdict } = await judged(join(vectors, "valid.amcbundle"), "ab".repeat(32))
    expect(verdict).toMatch(/^Rejected/)
    await page.context().close()
    const rootless = await judged(join(vectors, "valid.amcbundle"), "")
    expect(rootless.verdict).toMatch(/^Give the owner's root first/)
    await rootless.page.context().close()
    const wrong = await judged(join(vectors, "valid.amcbundle"), "sha256:x")
    expect(wrong.verdict).toMatch(/^This could not be looked at/)
    await wrong.page.context().close()
  })

  test("takes a bundle that is dropped on it", async () => {
    const { page } = await openFile(browser, file)
    await page.locator("#root").fill(root_sha256)
    const base64 = readFileSync(join(vectors, "valid.amcbundle")).toString("base64")
    await page.evaluate(`{
      const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (letter) => letter.charCodeAt(0))
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([bytes], "dropped\u202e.amcbundle"))
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }))
    }`)
    await page.locator("#verdict", { hasText: "Accepted: dropped\\u{202e}.amcbundle is" }).waitFor()
    await page.context().close()
  })

  test("shows names of a bundle as text only, and its own policy stops what somebody puts into it", async () => {
    const policy = /content="([^"]+)"/.exec(readFileSync(file, "utf8"))?.[1]
    expect(policy).toMatch(/^default-src 'none'; script-src 'sha256-[^']+' blob:; /)
    expect(policy).not.toMatch(/connect-src|unsafe|https?:/)
    const changed = join(folder, "changed.html")
    const added = `<script>document.title = "owned"</script><img src="https://example.com/x" onerror="document.title='owned'"></main>`
    writeFileSync(changed, readFileSync(file, "utf8").replace("</main>", added))
    const { page } = await openFile(browser, changed)
    expect(await page.title()).toBe("AMC: verify a bundle")
    await page.context().close()
  })

  test("can be read by everybody, in light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openFile(browser, file, { colorScheme })
      await page.locator("#root").fill(root_sha256)
      await page.locator("#bundle").setInputFiles(join(vectors, "valid.amcbundle"))
      await page.locator("#verdict", { hasText: "Accepted" }).waitFor()
      await page.evaluate(axe.source)
      const { violations } = (await page.evaluate("axe.run()")) as {
        violations: readonly { id: string; nodes: readonly { html: string }[] }[]
      }
      expect(violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([])
      await page.context().close()
    }
  })

  test("judges a bundle of many events without standing still", async () => {
    const world = makeWorld()
    const large = join(folder, "large.amcbundle")
    writeFileSync(large, await bundleOf(partsOf(makeRun(world, 40)), world))
    const { page, verdict } = await judged(large, world.rootSha256)
    expect(verdict).toMatch(/^Accepted/)
    await page.context().close()
  })
})
