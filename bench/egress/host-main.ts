import { type AddressInfo, createServer } from "node:net"
import { serve, usage } from "../gateway/pinned-process.ts"

/** A host that answers whatever comes first with 1 KB, and ends. */
const answer = Buffer.alloc(1024, "x")
const server = createServer((socket) => {
  socket.on("error", () => undefined)
  socket.once("data", () => socket.end(answer))
})
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo
  serve(
    { port },
    () => usage(),
    () => void server.close(),
  )
})
