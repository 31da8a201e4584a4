import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { AmcError, concatBytes, equalBytes, malformed, utf8 } from "@amc/core"
import { encodeRequest, openAnswer } from "./notary-line.ts"

/** The request that asks an unlocked notary for the passphrase of the monitor's slot. */
export const lendMonitor = "lend-monitor"

const [before, after] = [utf8('{"lent":"'), utf8('"}')]
const digits = utf8("0123456789abcdef")
/** The longest passphrase, as hexadecimal, and what is around it. */
const maxLoan = 2 * 1024 + 64

/**
 * The answer to {@link lendMonitor}: canonical JSON, made and read byte by byte, so that the passphrase never
 * becomes a string, which can't be wiped. The sender wipes it.
 */
export function encodeLoan(passphrase: Uint8Array): Uint8Array {
  const hex = new Uint8Array(2 * passphrase.length)
  passphrase.forEach((byte, at) =>
    hex.set([digits[byte >> 4] ?? 0, digits[byte & 15] ?? 0], 2 * at),
  )
  const answer = concatBytes(before, hex, after)
  hex.fill(0)
  return answer
}

/**
 * The passphrase in an answer. The caller wipes both.
 *
 * @throws {@link AmcError} the fault that the notary answered with; `input/malformed`
 */
export function openLoan(line: Uint8Array): Uint8Array {
  if (!equalBytes(line.subarray(0, before.length), before)) {
    openAnswer(line)
    throw malformed("notary answered something else than a loan")
  }
  const hex = line.subarray(before.length, -after.length)
  const passphrase = new Uint8Array(hex.length >> 1)
  for (let at = 0; at < passphrase.length; at++)
    passphrase[at] = 16 * nibble(hex[2 * at]) + nibble(hex[2 * at + 1])
  const again = encodeLoan(passphrase)
  const isSame = equalBytes(again, line)
  again.fill(0)
  if (isSame) return passphrase
  throw malformed("notary lent something in another spelling")
}

function nibble(digit = 0): number {
  const value = digits.indexOf(digit)
  if (value < 0) throw malformed("notary lent something that is not hexadecimal")
  return value
}

/**
 * Asks a notary for the passphrase of the monitor's slot. The caller wipes it.
 *
 * @throws {@link AmcError} `notary/refused`, `notary/unavailable`, `vault/locked`
 */
export async function borrowMonitor(socketPath: string): Promise<Uint8Array> {
  const socket = connect(socketPath)
  try {
    await once(socket, "connect")
    socket.write(
      concatBytes(encodeRequest({ op: lendMonitor, payload: new Uint8Array() }), utf8("\n")),
    )
    return await readLoan(socket)
  } catch (cause) {
    if (cause instanceof AmcError) throw cause
    throw new AmcError("notary/unavailable", "the notary can't be reached", { cause })
  } finally {
    socket.destroy()
  }
}

async function readLoan(socket: Socket): Promise<Uint8Array> {
  let line: Uint8Array = new Uint8Array()
  try {
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      const [old, end] = [line, chunk.indexOf("\n")]
      line = concatBytes(old, end < 0 ? chunk : chunk.subarray(0, end))
      for (const part of [old, chunk]) part.fill(0)
      if (end >= 0) return openLoan(line)
      if (line.length > maxLoan) throw malformed("notary's answer is too long for a loan")
    }
    throw new AmcError("notary/unavailable", "the notary hung up")
  } finally {
    line.fill(0)
  }
}
