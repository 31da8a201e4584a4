/**
 * Ends what an agent's output may have left a terminal in the middle of: an unfinished escape sequence,
 * a colour in which nothing can be read, a half-written line that ours would seem to belong to.
 */
export function steadyTerminal(stream: Pick<NodeJS.WriteStream, "isTTY" | "write">): void {
  if (stream.isTTY === true) stream.write("\u0018\u001B[0m\r")
}
