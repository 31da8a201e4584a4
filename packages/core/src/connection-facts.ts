import { z } from "zod"
import { facts } from "./fact.ts"
import { count, flag, foreign, hex32, label } from "./fact-field.ts"

/** So many connections share an event at most: with the longest names of all it is still within its size. */
export const connectionsMax = 32

/** A connection that is about to be dialled. */
export const openedConnection = z.strictObject({
  connection_id: label,
  /** A tunnel of bytes behind CONNECT, or one plain HTTP request. */
  kind: z.enum(["tunnel", "http"]),
  /** What the monitor resolved and dialled, whatever the client says inside. */
  host: label,
  port: count,
  address: label,
  /** The entry of the signed allowlist that let it pass. */
  rule: label,
  /** The signed range that allows this address although it is private or special; empty if none is needed. */
  exception: z.string().max(64),
  /** In the head of a plain request. */
  secrets_found: count,
})
/** What its client asked for. */
export const askedConnection = z.strictObject({ method: foreign, target: foreign })

/** What went through a connection so far, and how it ended. */
export const movedConnection = z.strictObject({
  connection_id: label,
  connect_event_hash: hex32,
  completeness: z.enum([
    "open",
    "complete",
    "client-gone",
    "upstream-cut",
    "upstream-unreachable",
    "timeout",
    "refused",
    "limit",
    "closed",
    "crashed",
  ]),
  /** Towards the host, and from it. */
  bytes_sent: count,
  bytes_received: count,
  duration_ms: count,
  /** Of a plain request; 0 if there was none. */
  status: count,
})
/** From its TLS ClientHello, in which more may be hidden than it shows. */
export const connectionHello = z.strictObject({ server_name: foreign, encrypted_hello: flag })

export type OpenedConnection = z.infer<typeof openedConnection>
export type AskedConnection = z.infer<typeof askedConnection>
export type MovedConnection = z.infer<typeof movedConnection>
export type ConnectionHello = z.infer<typeof connectionHello>

/** Connections that share an event, all of one session. */
export function someConnections<T extends z.ZodType>(one: T): z.ZodArray<T> {
  return z.array(one).min(1).max(connectionsMax)
}

/** What the egress proxy saw of connections. */
export const connectionFacts = {
  /** Connections out of the agent's reach that were allowed; recorded before anything is dialled. */
  network_connect: facts(
    { connections: someConnections(openedConnection) },
    /** Of each, in the same order. */
    { requests: someConnections(askedConnection) },
  ),
  /** What went through connections so far, and how they ended. */
  network_traffic: facts(
    { connections: someConnections(movedConnection) },
    /** Of each, in the same order. */
    { hellos: someConnections(connectionHello) },
  ),
} as const
