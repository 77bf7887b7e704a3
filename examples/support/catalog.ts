/** The examples, each a file in the folder above, with what it shows. */
export const examples: Readonly<Record<string, string>> = {
  acks: 'an observable of records, and the ack of each',
  'ndjson-file': 'a file of JSON lines, read only as fast as brokers answer',
  'gzip-csv': 'a compressed CSV file, through a pipeline of Node streams',
  'web-fetch': 'the body of a fetch, through web streams',
  'http-server': 'a server that answers a request when its record is acked',
  sensor: 'readings, summed up by time before they are sent',
  'dead-letter': 'records that can never be written go to another topic',
  'back-pressure': 'an endless source that waits for a slow broker',
  transform: 'records that are read, enriched and written exactly once, in transactions',
  dashboard: 'the in-flight windows in a browser, in slow motion, with faults to inject',
  'retry-failed': 'failed records are sent again where that is safe',
}
