import { request as requestHttp, type IncomingMessage } from "node:http"
import { request as requestHttps } from "node:https"
import {
  type AddCheckpoint,
  AmcError,
  encodeAddCheckpoint,
  isFault,
  type NoteVerifier,
  openCosignatures,
  parseNote,
  parseToldSize,
  signatureLine,
  text,
} from "@amc/core"

/** Where a witness takes checkpoints, and the key that its cosignatures must verify with. */
export interface WitnessAddress {
  /** The submission prefix. Nothing else is ever dialled, and no redirect is followed. */
  readonly url: string
  readonly verifier: NoteVerifier
}

/** What a witness said to a checkpoint. */
export type WitnessReply =
  | {
      readonly kind: "cosigned"
      /** The line of the note that verified, with its newline. */
      readonly line: string
    }
  /** It holds a checkpoint of another size than the proof started from. */
  | { readonly kind: "size"; readonly size: number }
  /** 422: the checkpoint contradicts what it cosigned before, or the proof was wrong. */
  | { readonly kind: "contradicted" }

const answerMax = 64 * 1024

/**
 * Asks a witness for its cosignature. Nothing that it says is believed but what its key signed; a size is
 * only a hint.
 *
 * @throws {@link AmcError} `witness/unavailable` if it gave no answer that means something, in time
 */
export async function askWitness(
  { url, verifier }: WitnessAddress,
  asked: AddCheckpoint,
  signal: AbortSignal,
): Promise<WitnessReply> {
  const { status, type, body } = await post(`${url}/add-checkpoint`, asked, signal)
  if (status === 200) return cosigned(asked.note, verifier, body)
  if (status === 409 && type === "text/x.tlog.size") return sized(verifier, body)
  if (status === 422) return { kind: "contradicted" }
  throw unavailable(verifier, `it answered with status ${status}`)
}

function cosigned(note: string, verifier: NoteVerifier, body: Uint8Array): WitnessReply {
  try {
    const { text: signed } = parseNote(note)
    const theirs = `${signed}\n${text(body)}`
    // Line by line, so that what other keys signed stays out of the note that is kept; and one of them, so
    // that no witness fills the note.
    const line = parseNote(theirs).signatures.find((each) => {
      const alone = `${signed}\n${signatureLine(each)}`
      return openCosignatures(alone, [verifier]).length > 0
    })
    if (line !== undefined) return { kind: "cosigned", line: signatureLine(line) }
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw unavailable(verifier, "its cosignature does not fit", cause)
  }
  throw unavailable(verifier, "it answered without a cosignature of its key")
}

function sized(verifier: NoteVerifier, body: Uint8Array): WitnessReply {
  try {
    return { kind: "size", size: parseToldSize(body) }
  } catch (cause) {
    if (!isFault(cause)) throw cause
    throw unavailable(verifier, "it told no size", cause)
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Uint8Array
}

async function post(url: string, asked: AddCheckpoint, signal: AbortSignal): Promise<Answer> {
  try {
    const body = encodeAddCheckpoint(asked)
    const response = await send(new URL(url), body, signal)
    const type = (response.headers["content-type"] ?? "").split(";", 1)[0]?.trim() ?? ""
    return { status: response.statusCode ?? 0, type, body: await readBounded(response) }
  } catch (cause) {
    if (isFault(cause)) throw cause
    const why = signal.aborted ? "no answer in time" : reasonOf(cause)
    throw new AmcError("witness/unavailable", `${url}: ${why}`, { cause })
  }
}

/** Dials anew each time: `agent: false` also leaves proxies of the environment out. */
function send(url: URL, body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp
  const headers = { "content-type": "text/plain; charset=utf-8", "content-length": body.length }
  return new Promise((resolve, reject) => {
    request(url, { method: "POST", headers, signal, agent: false }, resolve)
      .once("error", reject)
      .end(body)
  })
}

async function readBounded(response: IncomingMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response as AsyncIterable<Uint8Array>) {
    size += piece.length
    if (size > answerMax) throw new Error("the answer is too long")
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function reasonOf(cause: unknown): string {
  const { code, message } = cause as NodeJS.ErrnoException
  return code ?? message
}

function unavailable({ name }: NoteVerifier, why: string, cause?: unknown): AmcError {
  return new AmcError("witness/unavailable", `witness ${name}: ${why}`, { cause })
}
