import { expect, test } from "vitest"
import { connectionsMax } from "./connection-facts.ts"
import { encodeEvent, eventSizeMax, type Event } from "./event.ts"

const longest = "\\".repeat(200)
const envelope = {
  v: 1,
  lane: "l".repeat(64),
  lseq: Number.MAX_SAFE_INTEGER,
  lprev: "ab".repeat(32),
  id: "0197c1a2-0000-7000-8000-000000000000",
  ts: Number.MAX_SAFE_INTEGER,
  agent: "a".repeat(64),
  aseq: Number.MAX_SAFE_INTEGER,
  aprev: "ab".repeat(32),
  session: "s".repeat(64),
  channel: "gateway:run-socket",
  payload: null,
  kid: "ab".repeat(32),
}
const many = <T>(one: T): T[] => Array.from({ length: connectionsMax }, () => one)

test.each([
  {
    type: "network_connect",
    facts: {
      measured: {
        connections: many({
          connection_id: "c".repeat(64),
          kind: "tunnel",
          host: "h".repeat(253),
          port: 65_535,
          address: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
          rule: "r".repeat(256),
          exception: "e".repeat(64),
          secrets_found: Number.MAX_SAFE_INTEGER,
        }),
      },
      reported: { requests: many({ method: "CONNECT", target: longest }) },
    },
  },
  {
    type: "network_traffic",
    facts: {
      measured: {
        connections: many({
          connection_id: "c".repeat(64),
          connect_event_hash: "ab".repeat(32),
          completeness: "upstream-unreachable",
          bytes_sent: Number.MAX_SAFE_INTEGER,
          bytes_received: Number.MAX_SAFE_INTEGER,
          duration_ms: Number.MAX_SAFE_INTEGER,
          status: 599,
        }),
      },
      reported: { hellos: many({ server_name: longest, encrypted_hello: true }) },
    },
  },
])("as many connections as share a $type fit, with the longest names (G3)", (body) => {
  const bytes = encodeEvent({ ...envelope, ...body } as Event)
  expect(bytes.length).toBeLessThan(eventSizeMax)
})
