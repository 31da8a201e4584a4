/** A refusal, answered in the shape of OpenAI's errors. */
export class Problem extends Error {
  override readonly name = "Problem"
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.headers = headers
  }

  /** The body of the answer. */
  body(): object {
    const type = this.status === 429 ? "requests" : "invalid_request_error"
    return { error: { message: this.message, type, param: null, code: this.code } }
  }
}

/** The request is not one that this server understands. */
export function badRequest(message: string): Problem {
  return new Problem(400, "invalid_request", message)
}
