/** An order of an online shop as JSON of about `size` bytes; the same for the same seed. */
export function order(seed: number, size: number): string
