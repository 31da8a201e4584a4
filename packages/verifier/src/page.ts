import { printable } from "@amc/core"
import type { PageDocument, PageElement, PageFile, PageWorker } from "./browser.ts"
import type { Asked, Progress, Told } from "./page-worker.ts"

const marks = { holds: "✓ holds", fails: "✗ fails", unknown: "? not established" } as const
const bundleSizeMax = 256 << 20

/** What the page does: takes a bundle and a root, has them judged elsewhere, and shows what was said. */
export class VerifyPage {
  readonly #document: PageDocument
  readonly #worker: PageWorker
  readonly #clock: () => number
  #trustFile: Uint8Array | null = null

  constructor(document: PageDocument, worker: PageWorker, clock: () => number) {
    this.#document = document
    this.#worker = worker
    this.#clock = clock
    worker.onmessage = ({ data }) => this.#hear(data as Told | Progress)
    this.#take("trust", async (file) => {
      this.#trustFile = new Uint8Array(await file.arrayBuffer())
    })
    this.#take("bundle", (file) => this.#judge(file))
    document.body.addEventListener("dragover", (event) => event.preventDefault())
    document.body.addEventListener("drop", (event) => {
      event.preventDefault()
      const file = event.dataTransfer?.files[0]
      if (file !== undefined) void this.#judge(file)
    })
  }

  #take(id: string, then: (file: PageFile) => Promise<void>): void {
    const input = this.#element(id)
    input.addEventListener("change", () => {
      const file = input.files?.[0]
      if (file !== undefined) void then(file)
    })
  }

  async #judge(file: PageFile): Promise<void> {
    const typed = this.#element("root").value
    const root = typed.trim() === "" ? this.#trustFile : typed
    if (root === null)
      return this.#say("bad", "Give the owner's root first. Without one, nothing can be trusted.")
    if (file.size > bundleSizeMax) return this.#say("bad", "No bundle is as large as this file.")
    this.#say("", `Verifying ${printable(file.name)} …`)
    const bundle = new Uint8Array(await file.arrayBuffer())
    const asked: Asked = { name: file.name, bundle, root, nowMs: this.#clock() }
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has no origin to name
    this.#worker.postMessage(asked)
  }

  #hear(said: Told | Progress): void {
    if ("exit" in said) return this.#show(said)
    const { signatures, judged } = said
    const checked =
      judged > 0 ? `${judged} signatures judged` : `${signatures} signatures looked at`
    this.#say("", `Verifying: ${checked} …`)
  }

  #show({ file, sha256, exit, lines, facts, fault }: Told): void {
    this.#say(exit === 0 ? "good" : "bad", verdictOn(file, exit, fault))
    const about = [this.#row("file", "", file), this.#row("SHA-256", "", sha256)]
    const rows = lines.map(({ aspect, state, text }) => this.#row(aspect, marks[state], text))
    const more = facts.map(([name, text]) => this.#row(name, "", text))
    this.#element("lines").replaceChildren(...about, ...rows, ...more)
  }

  /** Only as text, whatever a bundle says. */
  #row(...cells: readonly string[]): PageElement {
    const row = this.#document.createElement("tr")
    for (const [at, text] of cells.entries()) {
      const cell = this.#document.createElement(at === 0 ? "th" : "td")
      cell.textContent = text
      row.append(cell)
    }
    return row
  }

  #say(kind: string, text: string): void {
    const said = this.#element("verdict")
    said.className = kind
    said.textContent = text
    this.#element("lines").replaceChildren()
  }

  #element(id: string): PageElement {
    const found = this.#document.getElementById(id)
    if (found === null) throw new Error(`the page has no ${id}`)
    return found
  }
}

function verdictOn(file: string, exit: number, fault: string | null): string {
  if (fault !== null) return `This could not be looked at: ${file}: ${fault}.`
  if (exit === 0)
    return `Accepted: ${file} is genuine evidence. Whether it is good enough is another question.`
  return exit === 4
    ? `Rejected: ${file} was tampered with.`
    : `Rejected: ${file} is not to be trusted.`
}
