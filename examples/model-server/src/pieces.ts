/** A text in pieces of about a word, as a model streams it. Joined they are the text. */
export function wordsOf(text: string): readonly string[] {
  return text.match(/\s*\S+|\s+$/gu) ?? []
}

/** Tool call arguments in pieces that end anywhere but inside a character. Joined they are the text. */
export function slicesOf(text: string): readonly string[] {
  return text.match(/.{1,40}/gsu) ?? []
}
