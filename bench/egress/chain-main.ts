import { createRequire } from "node:module"
import { pathToFileURL } from "node:url"
import { serve, usage } from "../gateway/pinned-process.ts"

/** What is used of proxy-chain, which is installed beside this bench alone. */
interface ProxyChain {
  readonly Server: new (terms: {
    readonly port: number
    readonly host: string
    readonly prepareRequestFunction: (request: { readonly password: string }) => {
      readonly requestAuthentication: boolean
    }
  }) => {
    readonly port: number
    listen(): Promise<void>
    close(isForced: boolean): Promise<void>
  }
}

/** proxy-chain as its readme shows it, with credentials that are checked. */
const { resolve } = createRequire(new URL("../egress-baseline/package.json", import.meta.url))
const { Server } = (await import(pathToFileURL(resolve("proxy-chain")).href)) as ProxyChain
const token = "a-password-of-its-own"
const server = new Server({
  port: 0,
  host: "127.0.0.1",
  prepareRequestFunction: ({ password }) => ({ requestAuthentication: password !== token }),
})
await server.listen()
serve(
  { port: server.port, token },
  () => usage(),
  () => server.close(true),
)
