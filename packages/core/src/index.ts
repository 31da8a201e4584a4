export { AmcError, type ErrorCode, errorCodes, type ErrorOptions, isFault, malformed } from "./errors.ts"
export { accepted, type Finding, rejected, type Verdict, verdictOf } from "./verdict.ts"
