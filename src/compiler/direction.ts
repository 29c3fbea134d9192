/** For whom traffic passes a proxy: the caller beside it, the application beside it, or whoever comes to a gateway. */
export type Direction = 'outbound' | 'inbound' | 'gateway';
