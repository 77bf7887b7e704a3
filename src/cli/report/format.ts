const GROUPED = new Intl.NumberFormat('en-US')

/** 1,234,567 */
export function count(value: number): string {
  return GROUPED.format(Math.round(value))
}

/** `1 record`, `2 records` */
export function several(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Bytes as `12.3 MB`; a million of them is one. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** `0:07`, `1:02:03` */
export function clock(seconds: number): string {
  const total = Math.max(0, Math.round(seconds))
  const [hours, minutes, rest] = [
    Math.floor(total / 3600),
    Math.floor(total / 60) % 60,
    `${total % 60}`.padStart(2, '0'),
  ]
  return hours === 0 ? `${minutes}:${rest}` : `${hours}:${`${minutes}`.padStart(2, '0')}:${rest}`
}
