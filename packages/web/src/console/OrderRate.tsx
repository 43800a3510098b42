/** Orders per minute, of the last half hour. */

export function OrderRate() {
  return null;
}
