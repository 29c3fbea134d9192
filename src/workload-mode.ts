/** Which way traffic goes that is meant. Renders `match.mode`. */
export enum WorkloadMode {
  /** What workloads send, and what passes gateways. */
  CLIENT = 'CLIENT',
  /** What comes in to workloads. */
  SERVER = 'SERVER',
  /** Both. */
  CLIENT_AND_SERVER = 'CLIENT_AND_SERVER',
}
