import type { ServerResponse } from "node:http"
import { usage } from "./pinned-process.ts"
import { type Controller, dispatch, kept, poolOf, type Relayed, serveProxy } from "./plain-proxy.ts"

/**
 * The fastest proxy that node:http and undici make, with the gateway's own pool: forwards what comes,
 * answers what comes back, and looks at none of it.
 */
const { upstreamPort } = JSON.parse(process.argv[2] ?? "") as { upstreamPort: number }
const pool = poolOf("bare", upstreamPort)

class Relay implements Relayed {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  onRequestStart(): void {
    // undici insists on this one.
  }

  onResponseStart({ rawHeaders }: Controller, status: number): void {
    this.#response.sendDate = false
    this.#response.writeHead(status, kept((rawHeaders as Buffer[]).map(String)))
  }

  onResponseData(controller: Controller, piece: Buffer): void {
    if (this.#response.write(piece)) return
    controller.pause()
    this.#response.once("drain", () => controller.resume())
  }

  onResponseEnd(): void {
    this.#response.end()
  }

  onResponseError(_controller: Controller, error: Error): void {
    throw error
  }
}

serveProxy(
  (request, response, body) => dispatch(pool, request, body, new Relay(response)),
  () => usage(),
  () => pool.destroy(),
)
