/** Money: whole minor units with a currency, shown in the reader's own way of writing. */

const formats = new Map<string, Intl.NumberFormat>();

function formatOf(currency: string, locale: string | undefined): Intl.NumberFormat {
  const key = `${locale ?? ""}/${currency}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    currencyDisplay: "narrowSymbol",
  });
  formats.set(key, made);
  return made;
}

/** How many decimals the currency has: 2 for EUR, 0 for JPY, 3 for KWD. */
export function exponentOf(currency: string): number {
  return formatOf(currency, "en").resolvedOptions().maximumFractionDigits ?? 2;
}

/** The amount as an exact decimal, since a binary fraction would round large ones. */
export function decimalOf(minor: number, exponent: number): string {
  const digits = String(Math.abs(minor)).padStart(exponent + 1, "0");
  const sign = minor < 0 ? "-" : "";
  if (exponent === 0) return sign + digits;
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`;
}

/** `formatMoney(1999, "EUR")` is "€19.99" for an English reader; a wrong currency is not hidden. */
export function formatMoney(minor: number, currency: string, locale?: string): string {
  try {
    const exact = decimalOf(minor, exponentOf(currency)) as Intl.StringNumericLiteral;
    return formatOf(currency, locale).format(exact);
  } catch (problem) {
    if (problem instanceof RangeError) return `${minor} ${currency}`;
    throw problem;
  }
}
