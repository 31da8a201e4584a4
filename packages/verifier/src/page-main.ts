import type { PageDocument, PageWorker } from "./browser.ts"
import { type Asked, tell } from "./page-worker.ts"
import { VerifyPage } from "./page.ts"

interface World {
  readonly document?: PageDocument & { readonly currentScript: { readonly textContent: string } }
  readonly Worker: new (url: string) => PageWorker
  postMessage(message: unknown): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
}

/** One script is both: the page starts a worker of its own text, so that there is one file and nothing to load. */
const world = globalThis as unknown as World
if (world.document === undefined)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has but one who listens
  world.onmessage = ({ data }) => void tell(data as Asked).then((told) => world.postMessage(told))
else {
  const source = new Blob([world.document.currentScript.textContent], { type: "text/javascript" })
  const worker = new world.Worker(URL.createObjectURL(source))
  // The entry is where the clock comes in.
  // oxlint-disable-next-line no-restricted-globals
  void new VerifyPage(world.document, worker, Date.now)
}
