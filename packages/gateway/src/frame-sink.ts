/** Takes the frames of an answer, such as events or lines, as their bytes come. */
export interface FrameSink {
  /** Bytes of the current frame's data. */
  data(bytes: Uint8Array): void
  /** The current frame has ended. It is not sound if its own check fails. */
  frameEnd(isSound: boolean): void
}

/** Splits an answer into frames, in pieces of any size and without keeping any of it. */
export interface Framing {
  push(piece: Uint8Array): void
  /** Ends an answer that came whole. False if it ends inside a frame that can't be given. */
  end(): boolean
}
