/** Money and quantities as a person reads them. */

const grouped = (value: number, digits: number) =>
  value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** `$0.04`, `$266.80`, `$12,400`: whole dollars where cents do not matter. */
export function dollars(usd: number): string {
  if (usd > 0 && usd < 0.005) return "< $0.01";
  return `$${grouped(usd, usd < 1000 ? 2 : 0)}`;
}

/** `1,000`, `87.6 million`, `0.03` */
export function quantity(value: number): string {
  if (value >= 1e9) return `${grouped(value / 1e9, 2)} billion`;
  if (value >= 1e6) return `${grouped(value / 1e6, 1)} million`;
  return grouped(value, value < 10 && !Number.isInteger(value) ? 2 : 0);
}
