import { toHex } from "./bytes.ts"

const P = 2n ** 255n - 19n
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n
const L = 2n ** 252n + 27742317777372353535851937790883648493n

/** The y coordinates of the eight points whose order divides 8, sign bit cleared. */
const lowOrderY: ReadonlySet<string> = new Set([
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
])

/**
 * Whether 32 bytes are a point's one encoding (y < 2^255-19) and not one of the eight of low order. Of the points
 * with x = 0, where the sign bit would leave a second spelling, all are of low order. Whether the point
 * is on the curve is not looked at.
 */
export function isCanonicalHighOrder(bytes: Uint8Array): boolean {
  const unsigned = Uint8Array.from(bytes)
  unsigned[31] = (unsigned[31] as number) & 0x7f
  return isBelow(unsigned, pBytes) && !lowOrderY.has(toHex(unsigned))
}

/** Whether a canonical encoding that is not of low order names a point of edwards25519. */
export function isOnCurve(bytes: Uint8Array): boolean {
  const y = toInteger(bytes) & (2n ** 255n - 1n)
  const yy = (y * y) % P
  // x^2 = u/v, and u/v is a square exactly if u*v is, as v is never zero.
  return power((yy - 1n) * (D * yy + 1n), (P - 1n) / 2n) === 1n
}

/** Whether 32 bytes are a scalar's one encoding, below the order of the group. */
export function isCanonicalScalar(bytes: Uint8Array): boolean {
  return isBelow(bytes, lBytes)
}

const pBytes = toBytes(P)
const lBytes = toBytes(L)

function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let at = 31; at >= 0; at--) if (a[at] !== b[at]) return (a[at] as number) < (b[at] as number)
  return false
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let square = base % P
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % P
    square = (square * square) % P
  }
  return result
}

function toInteger(littleEndian: Uint8Array): bigint {
  return littleEndian.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, at) => Number((value >> BigInt(8 * at)) & 0xffn))
}
