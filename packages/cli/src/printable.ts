/**
 * A text from outside, made safe for a terminal: control characters and direction overrides are shown
 * as escapes, so that nothing that an agent wrote can move the cursor or hide a word.
 */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}
