/** A time of day as the person's clock shows it, in the order of ISO 8601. */
export function localTime(ms: number): string {
  return new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "medium" }).format(ms)
}
