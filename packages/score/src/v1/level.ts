/** A level that was reached, or U where nothing that the question is about was seen. */
export type Level = 0 | 1 | 2 | 3 | 4 | 5 | "U"
