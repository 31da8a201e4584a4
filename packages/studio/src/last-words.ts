import type { SecretScanner } from "@amc/gateway"

/** Kept longer than shown, so that a secret is whole where it is looked for. */
const keptBytes = 16 * 1024
const shownBytes = 600

/** The end of what a process said, for a person who wants to know why it failed. */
export class LastWords {
  #tail: Buffer = Buffer.alloc(0)

  take(bytes: Uint8Array): void {
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-keptBytes)]).subarray(-keptBytes)
  }

  /** The last of it without known secrets. It is the agent's own text: escape it before it is shown. */
  read(secrets: SecretScanner): string {
    const redacted = Buffer.from(secrets.redact(this.#tail)).subarray(-shownBytes)
    return redacted.toString("utf8").trim()
  }
}
