import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"

/** A request as its bytes came. */
export interface RawRequest {
  readonly line: string
  /** Lines, as they came. */
  readonly fields: readonly string[]
  readonly body: Buffer
}

/** A provider that answers with any bytes. */
export interface RawProvider {
  readonly origin: string
  readonly port: number
  readonly arrived: readonly RawRequest[]
  close(): Promise<void>
}

/** Says what is to be said to a request, on its connection. Called with each head; a body may still come. */
type Say = (request: RawRequest, socket: Socket) => void

const fine = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"

/**
 * Starts a provider that reads only requests with a length or without a body, as the gateway sends them: of any
 * other the rest stands as a request of its own. `atOnce` answers before the body is there.
 */
export async function startRawProvider(answer: Say, atOnce: Say): Promise<RawProvider> {
  const arrived: RawRequest[] = []
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0)
    let isSeen = false
    open.add(socket)
    socket.on("close", () => open.delete(socket)).on("error", () => undefined)
    socket.on("data", (piece) => {
      bytes = Buffer.concat([bytes, piece])
      for (let end = bytes.indexOf("\r\n\r\n"); end >= 0; end = bytes.indexOf("\r\n\r\n")) {
        const [line = "", ...fields] = bytes.toString("latin1", 0, end).split("\r\n")
        const length = Number(/^content-length: (\d+)$/imu.exec(fields.join("\n"))?.[1] ?? 0)
        const body = bytes.subarray(end + 4, end + 4 + length)
        const request = { line, fields, body }
        if (!isSeen) atOnce(request, socket)
        isSeen = body.length < length
        if (isSeen) return
        arrived.push(request)
        bytes = bytes.subarray(end + 4 + length)
        answer(request, socket)
      }
    })
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    arrived,
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The answer of a provider that has nothing to say. */
export function sayFine(_request: RawRequest, socket: Socket): void {
  socket.write(fine)
}
