import { createServer, type Socket } from "node:net"
import { setTimeout as pause } from "node:timers/promises"
import { type Answer, framesOf, paceMs, paths, responseBody, streamFrames } from "./bodies.ts"
import { serve } from "./pinned-process.ts"

/**
 * A provider that answers without thinking. It speaks HTTP by hand, so that it takes as little as it
 * can of the core that it shares with the load.
 */
const whole = httpJson(responseBody())
const streams = {
  burst: streamFrames(framesOf.burst).map(httpChunk),
  paced: streamFrames(framesOf.paced).map(httpChunk),
}
const streamHead = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
)
const streamEnd = Buffer.from("0\r\n\r\n")

function httpJson(body: Buffer): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.concat([Buffer.from(head), body])
}

function httpChunk(frame: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`${frame.length.toString(16)}\r\n`),
    frame,
    Buffer.from("\r\n"),
  ])
}

async function answer(socket: Socket, how: Answer): Promise<void> {
  if (how === "json") {
    socket.write(whole)
    return
  }
  socket.write(streamHead)
  for (const [at, chunk] of streams[how].entries()) {
    if (how === "paced" && at > 0) await pause(paceMs)
    socket.write(chunk)
  }
  socket.write(streamEnd)
}

function answerOf(head: string): Answer {
  const [, path = ""] = head.split(" ", 2)
  const how = (Object.keys(paths) as Answer[]).find((each) => path.endsWith(paths[each]))
  if (how === undefined) throw new Error(`no answer for ${path}`)
  return how
}

const server = createServer((socket) => {
  let seen: Buffer = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on("error", () => undefined)
  socket.on("data", (piece) => {
    seen = seen.length === 0 ? piece : Buffer.concat([seen, piece])
    for (;;) {
      const headEnd = seen.indexOf("\r\n\r\n") + 4
      if (headEnd < 4) return
      const head = seen.toString("latin1", 0, headEnd)
      const [, length = "0"] = /content-length: (\d+)/i.exec(head) ?? []
      if (/transfer-encoding/i.test(head)) throw new Error("a request came without its length")
      if (seen.length < headEnd + Number(length)) return
      seen = seen.subarray(headEnd + Number(length))
      void answer(socket, answerOf(head))
    }
  })
})
server.listen(0, "127.0.0.1", () =>
  serve(
    server.address(),
    () => null,
    () => void server.close(),
  ),
)
