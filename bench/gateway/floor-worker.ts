import { hash } from "node:crypto"
import { type MessagePort, workerData } from "node:worker_threads"
import Database from "better-sqlite3"
import { loadSodium } from "../../packages/vault/src/sodium.ts"

/** What the floor's gateway tells its recorder's thread. */
export interface FloorTerms {
  readonly dir: string
  readonly port: MessagePort
  /** Whether each event has a signature of its own, or each commit one. */
  readonly signs: "each" | "group"
}

/** One observation on its way: the digest of a body and what goes into the event as it is. */
export type FloorEntry = readonly [id: number, sha256: string, size: number]
export type FloorReceipt = readonly [id: number, receipt: string]

const { dir, port, signs } = workerData as FloorTerms
const sodium = await loadSodium()
if (sodium === null) throw new Error("no libsodium here")
const { crypto_sign_detached: signDetached } = sodium
const db = new Database(`${dir}/floor.sqlite`)
db.pragma("journal_mode = WAL")
db.pragma("synchronous = FULL")
db.pragma("wal_autocheckpoint = 8000")
db.exec("CREATE TABLE events (lseq INTEGER PRIMARY KEY, hash BLOB NOT NULL, leaf TEXT NOT NULL)")
const insert = db.prepare("INSERT INTO events (lseq, hash, leaf) VALUES (?, ?, ?)")
const commit = db.transaction(write)
const secret = sodium.sodium_malloc(sodium.crypto_sign_SECRETKEYBYTES)
sodium.crypto_sign_seed_keypair(Buffer.alloc(32), secret, Buffer.alloc(32, 7))
let [lseq, last] = [0, "0".repeat(64)]
let waiting: FloorEntry[] = []

function sign(text: string): string {
  const signature = Buffer.alloc(64)
  signDetached(signature, Buffer.from(text), secret)
  return signature.toString("base64url")
}

/** As long as an event of the gateway's is. */
function bodyOf(sha256: string, size: number): string {
  const facts = `"facts":{"measured":{"body_bytes":${size},"call_id":"call-0123456789abcdef0123456789abcdef","facts_truncated":false,"method":"POST","provider":"openai","secrets_found":0,"upstream":"http://127.0.0.1:12345"},"reported":{"format":"openai-chat","model":"model-1","path":"/json/chat/completions","stream":false,"tools":2}}`
  return `{"agent":"coder","aprev":"${last}","aseq":${lseq},"channel":"gateway:loopback",${facts},"id":"0199e0a0-0000-7000-8000-000000000000","lane":"main","lprev":"${last}","lseq":${lseq},"payload":{"blob_sha256":"${sha256}","media":"application/json","sha256":"${sha256}","size":${size}},"session":"s-1","ts":${Date.now()},"type":"llm_request","v":1}`
}

function write(entries: readonly FloorEntry[]): FloorReceipt[] {
  const receipts = entries.map(([id, sha256, size]): FloorReceipt => {
    const body = bodyOf(sha256, size)
    const signature = signs === "each" ? sign(body) : ""
    const digest = hash("sha256", `${signature}\n${body}`, "buffer")
    last = digest.toString("hex")
    insert.run(lseq++, digest, `${signature}\n${body}`)
    return [id, `${last}.${signature}`]
  })
  return signs === "each" ? receipts : withHeadSigned(receipts)
}

function withHeadSigned(receipts: readonly FloorReceipt[]): FloorReceipt[] {
  const signature = sign(last)
  return receipts.map(([id, receipt]) => [id, `${receipt}${last}.${signature}`])
}

/** What comes while a group is committed makes the next one. */
function drain(): void {
  const entries = waiting
  waiting = []
  port.postMessage(commit(entries))
}

port.on("message", (message: readonly FloorEntry[] | "close") => {
  if (message === "close") {
    db.close()
    port.close()
    return
  }
  if (waiting.length === 0) setImmediate(drain)
  waiting.push(...message)
})
