import { randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { factSchemas } from "@amc/core"
import { expect, test } from "vitest"
import { LeaseBook, leaseFacts, leasePrefix } from "./lease.ts"

const terms = {
  agent: "a",
  session: "s",
  providers: ["openai"],
  ingress: "loopback" as const,
  ttlMs: 100,
}
const door = { ingress: "loopback" as const, session: null }

function book() {
  const time = { now: 5000 }
  return { time, leases: new LeaseBook(randomBytes, () => time.now) }
}

test("a lease has 32 random bytes and fits its event", () => {
  const { leases } = book()
  const [one, two] = [leases.issue(terms), leases.issue(terms)]
  expect(one.token).toMatch(/^amc-lease-[\w-]{43}$/)
  expect(one.token).not.toBe(two.token)
  expect(factSchemas.lease.parse(leaseFacts(one.lease, "issued")).measured).toMatchObject({
    lease_id: one.lease.id,
    expires_ms: 5100,
    provider: "openai",
  })
})

test("the book does not keep the token", () => {
  const { leases } = book()
  const { token, lease } = leases.issue(terms)
  expect(inspect([leases, lease], { depth: 9, showHidden: true })).not.toContain(
    token.slice(leasePrefix.length),
  )
})

test.each([
  { why: "nobody issued", token: `${leasePrefix}${"A".repeat(43)}`, code: "gateway/lease-unknown" },
  { why: "is empty", token: "", code: "gateway/lease-unknown" },
  {
    why: "comes in at another ingress",
    at: { ingress: "run-socket" as const, session: null },
    code: "gateway/lease-elsewhere",
  },
  {
    why: "comes in at another session's socket",
    at: { ingress: "loopback" as const, session: "t" },
    code: "gateway/lease-elsewhere",
  },
  { why: "is past its end", later: 100, code: "gateway/lease-expired" },
  { why: "expired long ago", later: 80_000_000, code: "gateway/lease-expired" },
])("refuses a lease that $why", ({ token, at = door, later = 0, code }) => {
  const { leases, time } = book()
  const issued = leases.issue(terms)
  time.now += later
  leases.issue(terms)
  expect(() => leases.find(token ?? issued.token, at)).toThrow(expect.objectContaining({ code }))
})

test("a lease is good to its last millisecond, at its own socket too, and not once it is revoked", () => {
  const { leases, time } = book()
  const { token, lease } = leases.issue(terms)
  time.now += 99
  expect(leases.find(token, { ...door, session: "s" })).toBe(lease)
  expect(leases.revoke(lease.id)).toBe(lease)
  expect(leases.revoke(lease.id)).toBeNull()
  expect(() => leases.find(token, door)).toThrow(
    expect.objectContaining({ code: "gateway/lease-revoked" }),
  )
})

test("the bytes of a lease are counted together, and those of another are not", () => {
  const { leases } = book()
  const [one, other] = [leases.issue(terms).lease, leases.issue(terms).lease]
  leases.takeBytes(one, 60, 100)
  leases.takeBytes(one, 40, 100)
  leases.takeBytes(other, 100, 100)
  expect(() => leases.takeBytes(one, 1, 100)).toThrow(
    expect.objectContaining({ code: "gateway/byte-limit" }),
  )
})

test("a lease that expired more than a day ago is forgotten", () => {
  const { leases, time } = book()
  const { token } = leases.issue(terms)
  time.now += 90_000_000
  leases.issue(terms)
  expect(() => leases.find(token, door)).toThrow(
    expect.objectContaining({ code: "gateway/lease-unknown" }),
  )
})
