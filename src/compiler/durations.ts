import { parseDuration } from '../model/durations';

/** Milliseconds of an optional duration field. */
export const durationMs = (text: string | undefined): number | undefined => (text === undefined ? undefined : parseDuration(text));
