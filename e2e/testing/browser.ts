import { existsSync } from "node:fs"
import { pathToFileURL } from "node:url"
import { type Browser, chromium, type Page } from "playwright-core"

const places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]

/** The browser of this machine, which `npm test` installs where it may; undefined if there is none. */
export const browserPath: string | undefined = places.find((path) => existsSync(path))

/** Starts the browser. It is not the one that is tested, so its own sandbox is not asked for. */
export function startBrowser(): Promise<Browser> {
  if (browserPath === undefined) throw new Error("there is no browser here")
  return chromium.launch({ executablePath: browserPath, args: ["--no-sandbox"] })
}

/** What a page did beside being shown: a page without scripts does none of it. */
export interface Deeds {
  readonly requests: readonly string[]
  readonly dialogs: readonly string[]
  readonly messages: readonly string[]
  readonly errors: readonly string[]
}

export interface OpenedPage {
  readonly page: Page
  readonly deeds: Deeds
}

export interface Look {
  readonly width?: number
  readonly colorScheme?: "light" | "dark"
  readonly offline?: boolean
}

/** Opens a file from disk, with no network unless that is asked for, and writes down what it does. */
export async function openFile(
  browser: Browser,
  file: string,
  { width = 1200, colorScheme = "light", offline = true }: Look = {},
): Promise<OpenedPage> {
  const viewport = { width, height: 900 }
  const context = await browser.newContext({ offline, viewport, colorScheme })
  const page = await context.newPage()
  const deeds = { requests: [], dialogs: [], messages: [], errors: [] } as Record<
    keyof Deeds,
    string[]
  >
  page.on("request", (request) => deeds.requests.push(request.url()))
  page.on("dialog", (dialog) => {
    deeds.dialogs.push(dialog.message())
    void dialog.dismiss()
  })
  page.on("console", (message) => deeds.messages.push(message.text()))
  page.on("pageerror", (error) => deeds.errors.push(error.message))
  await page.goto(pathToFileURL(file).href)
  return { page, deeds }
}
