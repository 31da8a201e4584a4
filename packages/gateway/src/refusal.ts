import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http"
import type { Problem } from "./problem.ts"

/**
 * Answers a request whose body is not wanted. The answer is sent at once, but the connection is only
 * closed when the body has been read past or is longer than `drainBytes`: a client that is still
 * sending would otherwise see a reset instead of the answer.
 */
export async function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  problem: Problem,
  drainBytes: number,
): Promise<void> {
  const { status, headers, body } = problem
  const isWhole = request.complete || !hasBody(request)
  response.writeHead(
    status,
    STATUS_CODES[status] ?? "",
    isWhole ? [...headers] : [...headers, "connection", "close"],
  )
  if (isWhole) {
    response.end(body)
    return
  }
  response.write(body)
  await drain(request, drainBytes)
  response.end()
}

function hasBody({ headers }: IncomingMessage): boolean {
  const length = headers["content-length"]
  return headers["transfer-encoding"] !== undefined || (length !== undefined && length !== "0")
}

function drain(request: IncomingMessage, most: number): Promise<void> {
  return new Promise((resolve) => {
    let size = 0
    request
      .on("close", resolve)
      .on("end", resolve)
      .on("error", () => resolve())
    request.on("data", (piece: Uint8Array) => {
      size += piece.length
      if (size > most) request.destroy()
    })
    request.resume()
  })
}
