import { once } from "node:events"
import { chmodSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { AmcError, agentId, egressNarrowingSchema, isFault, wirePolicySchema } from "@amc/core"
import type { ListedLease } from "@amc/gateway"
import { z } from "zod"
import type { IssuedLease, LeaseRequest } from "./lease-request.ts"

/** What the owner's commands may ask of a gateway that stands. */
export interface Controlled {
  readonly url: string
  readonly isLocked: boolean
  issue(request: LeaseRequest): Promise<IssuedLease>
  leases(): readonly ListedLease[]
  revoke(beginning: string): Promise<object>
  lock(): Promise<void>
}

export interface ControlServer {
  close(): Promise<void>
}

const leaseRequest: z.ZodType<LeaseRequest> = z.strictObject({
  agent: agentId,
  providers: z.array(agentId).min(1).max(32),
  ttl_ms: z.int().min(1),
  policy: wirePolicySchema.optional(),
  egress: egressNarrowingSchema.optional(),
})
const mostBytes = 65_536

/**
 * Answers the owner's commands on a socket that this user alone can reach. Whoever reaches it is this
 * user, or root.
 */
export async function serveControl(gateway: Controlled, path: string): Promise<ControlServer> {
  const server = createServer((request, response) => void answer(gateway, request, response))
  server.listen(path)
  await once(server, "listening")
  chmodSync(path, 0o600)
  return {
    close: async () => {
      const closed = once(server, "close")
      server.close()
      // A command that never ends must not keep the gateway standing.
      server.closeAllConnections()
      await closed
    },
  }
}

async function answer(
  gateway: Controlled,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    send(response, 200, await handle(gateway, request))
  } catch (error) {
    if (!isFault(error)) throw error
    const { code, message, hint } = error
    send(response, 400, { code, message, hint: hint ?? null })
  }
}

async function handle(gateway: Controlled, request: IncomingMessage): Promise<unknown> {
  const { method = "", url = "" } = request
  const [, id] = /^\/leases\/([0-9a-f]{1,64})$/.exec(url) ?? []
  if (method === "POST" && url === "/leases") return gateway.issue(await readRequest(request))
  if (method === "GET" && url === "/leases") return { leases: gateway.leases() }
  if (method === "DELETE" && id !== undefined) return { lease: await gateway.revoke(id) }
  if (method === "GET" && url === "/status") return { url: gateway.url, locked: gateway.isLocked }
  if (method === "POST" && url === "/lock") {
    await gateway.lock()
    return { locked: true }
  }
  throw new AmcError("usage/invalid", "the gateway has no such command")
}

async function readRequest(request: IncomingMessage): Promise<LeaseRequest> {
  const parsed = leaseRequest.safeParse(jsonIn(await textOf(request)))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new AmcError("usage/invalid", `the lease's ${issue?.path.join(".")}: ${issue?.message}`)
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  try {
    for await (const piece of request.setEncoding("utf8") as AsyncIterable<string>) {
      text += piece
      if (text.length > mostBytes) throw new AmcError("input/too-large", "the command is too long")
    }
    return text
  } catch (cause) {
    if (isFault(cause)) throw cause
    // Whoever breaks off a command, by Ctrl-C for instance, must not end the gateway with it.
    throw new AmcError("usage/invalid", "the command was broken off", { cause })
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new AmcError("usage/invalid", "the command is no JSON", { cause })
  }
}

function send(response: ServerResponse, status: number, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value))
  response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(body)
}
