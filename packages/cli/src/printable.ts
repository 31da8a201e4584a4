export { printable } from "@amc/core"
