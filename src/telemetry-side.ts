/** Which reports of proxies are meant. Renders `match.mode`. */
export enum TelemetrySide {
  /** Of those that send requests: sidecars outbound, and gateways. */
  CLIENT = 'CLIENT',
  /** Of those that take requests: sidecars inbound. */
  SERVER = 'SERVER',
  /** Of both. */
  CLIENT_AND_SERVER = 'CLIENT_AND_SERVER',
}
