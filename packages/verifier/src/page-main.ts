import type { PageDocument, PageWorker } from "./browser.ts"
import { type Asked, type Progress, tell, type Told } from "./page-worker.ts"
import { VerifyPage } from "./page.ts"
import type { Subtle } from "./web-equation.ts"

interface World {
  readonly document?: PageDocument & { readonly currentScript: { readonly textContent: string } }
  readonly crypto?: { readonly subtle?: Subtle }
  readonly Worker: new (url: string) => PageWorker
  postMessage(message: unknown): void
  onmessage: ((event: { readonly data: unknown }) => void) | null
}

/** One script is both: the page starts a worker of its own text, so that there is one file and nothing to load. */
const world = globalThis as unknown as World
if (world.document === undefined)
  world.onmessage = ({ data }) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker has but one who listens
    const say = (told: Told | Progress): void => world.postMessage(told)
    void tell(data as Asked, { subtle: world.crypto?.subtle, progress: say }).then(say)
  }
else {
  const source = new Blob([world.document.currentScript.textContent], { type: "text/javascript" })
  const worker = new world.Worker(URL.createObjectURL(source))
  // The entry is where the clock comes in.
  // oxlint-disable-next-line no-restricted-globals
  void new VerifyPage(world.document, worker, Date.now)
}
