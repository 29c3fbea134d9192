import type { Clock } from './clock';
import type { OutlierDetection } from '../../xds/gen/envoy/config/cluster/v3/outlier_detection_pb';
import type { Draw } from '../decision';
import { milliseconds } from '../duration';

/** What became of an attempt at a host: a status, or a failure that this proxy found itself. */
export type Result = { readonly status: number } | { readonly local: 'connected' | 'connect-failure' | 'timeout' };

type Streak = 'errors' | 'gatewayErrors' | 'localErrors';

/** What is known of one host. */
interface Monitor {
  errors: number;
  gatewayErrors: number;
  localErrors: number;
  ejected: boolean;
  ejectedAt: number;
  jitterMs: number;
  backAt: number | undefined;
  /** Ejections that still count for how long the next lasts. */
  backOff: number;
}

/** A detector of streaks: how many in a row, and for how many percent of them the host is ejected. */
interface Detector {
  readonly limit: number;
  readonly enforcing: number;
}

const DEFAULT_INTERVAL_MS = 10_000;
const DEFAULT_BASE_MS = 30_000;
const DEFAULT_MAX_MS = 300_000;
const DEFAULT_STREAK = 5;
const DEFAULT_MAX_PERCENT = 10;

/** Envoy's outlier detection of one cluster: streaks of errors eject a host at once, looks at every interval let it back. */
export class OutlierDetector<H> {
  private readonly monitors = new Map<H, Monitor>();
  private readonly intervalMs: number;
  private readonly baseMs: number;
  private readonly maxMs: number;
  private readonly jitterMs: number;
  private readonly maxPercent: number;
  private readonly alwaysOne: boolean;
  private readonly split: boolean;
  private readonly detectors: Readonly<Record<Streak, Detector>>;
  private lookedAt: number;
  private ejections = 0;

  public constructor(
    config: OutlierDetection, private readonly count: () => number, private readonly clock: Clock, private readonly draw: Draw,
    private readonly changed: (host: H, ejected: boolean, at: number) => void,
  ) {
    if ((config.enforcingFailurePercentage ?? 0) > 0 || (config.enforcingSuccessRate ?? 100) > 0) {
      throw new Error('outlier detection by success rate or failure percentage is not supported');
    }
    const ms = (duration: OutlierDetection['interval'], absent: number): number => (duration === undefined ? absent : milliseconds(duration));
    this.intervalMs = ms(config.interval, DEFAULT_INTERVAL_MS);
    this.baseMs = ms(config.baseEjectionTime, DEFAULT_BASE_MS);
    this.maxMs = ms(config.maxEjectionTime, Math.max(DEFAULT_MAX_MS, this.baseMs));
    this.jitterMs = ms(config.maxEjectionTimeJitter, 0);
    this.maxPercent = Math.min(100, config.maxEjectionPercent ?? DEFAULT_MAX_PERCENT);
    this.alwaysOne = config.alwaysEjectOneHost ?? false;
    this.split = config.splitExternalLocalOriginErrors;
    this.detectors = {
      errors: { limit: config.consecutive5xx ?? DEFAULT_STREAK, enforcing: config.enforcingConsecutive5xx ?? 100 },
      gatewayErrors: { limit: config.consecutiveGatewayFailure ?? DEFAULT_STREAK, enforcing: config.enforcingConsecutiveGatewayFailure ?? 0 },
      localErrors: { limit: config.consecutiveLocalOriginFailure ?? DEFAULT_STREAK, enforcing: config.enforcingConsecutiveLocalOriginFailure ?? 100 },
    };
    this.lookedAt = clock.now;
  }

  public isEjected(host: H): boolean {
    return this.monitors.get(host)?.ejected ?? false;
  }

  /** Looks at the hosts at every interval that went by since the last time. Nobody asks in between, so it is early enough. */
  public catchUp(): void {
    while (this.clock.now - this.lookedAt >= this.intervalMs) {
      const idle = [...this.monitors.values()].every(({ ejected, backOff }) => !ejected && backOff === 0);
      const intervals = idle ? Math.floor((this.clock.now - this.lookedAt) / this.intervalMs) : 1;
      this.lookedAt += intervals * this.intervalMs;
      if (!idle) this.look(this.lookedAt);
    }
  }

  public record(host: H, result: Result): void {
    const monitor = this.monitorOf(host);
    if ('status' in result) return this.answered(host, monitor, result.status);
    // Without a split, what this proxy finds out counts as the answer that it gives instead.
    if (!this.split) {
      if (result.local !== 'connected') this.answered(host, monitor, result.local === 'timeout' ? 504 : 503);
      return;
    }
    if (result.local === 'connected') monitor.localErrors = 0;
    else this.fail(host, monitor, 'localErrors');
  }

  private answered(host: H, monitor: Monitor, status: number): void {
    if (status < 500) {
      monitor.errors = 0;
      monitor.gatewayErrors = 0;
      return;
    }
    if (status >= 502 && status <= 504) this.fail(host, monitor, 'gatewayErrors');
    else monitor.gatewayErrors = 0;
    this.fail(host, monitor, 'errors');
  }

  private fail(host: H, monitor: Monitor, streak: Streak): void {
    monitor[streak]++;
    if (monitor[streak] !== this.detectors[streak].limit || monitor.ejected) return;
    monitor[streak] = 0;
    this.eject(host, monitor, this.detectors[streak].enforcing);
  }

  private eject(host: H, monitor: Monitor, enforcing: number): void {
    const percent = 100 * (this.ejections + 1) / this.count();
    if (percent > this.maxPercent && !(this.alwaysOne && this.ejections === 0)) return;
    if (enforcing <= 0 || (enforcing < 100 && this.draw('ejection', 100) >= enforcing)) return;
    this.ejections++;
    monitor.ejected = true;
    monitor.ejectedAt = this.clock.now;
    monitor.jitterMs = this.jitterMs === 0 ? 0 : this.draw('ejection', this.jitterMs + 1);
    if (monitor.backOff * this.baseMs < this.maxMs + this.baseMs) monitor.backOff++;
    this.changed(host, true, this.clock.now);
  }

  private look(now: number): void {
    for (const [host, monitor] of this.monitors) {
      if (!monitor.ejected || Math.min(this.baseMs * monitor.backOff, this.maxMs) + monitor.jitterMs > now - monitor.ejectedAt) continue;
      this.ejections--;
      Object.assign(monitor, { ejected: false, errors: 0, gatewayErrors: 0, localErrors: 0, backAt: now });
      this.changed(host, false, now);
    }
    for (const monitor of this.monitors.values()) {
      if (!monitor.ejected && monitor.backAt !== undefined && now - monitor.backAt >= this.intervalMs && monitor.backOff > 0) monitor.backOff--;
    }
  }

  private monitorOf(host: H): Monitor {
    let monitor = this.monitors.get(host);
    if (monitor === undefined) {
      monitor = { errors: 0, gatewayErrors: 0, localErrors: 0, ejected: false, ejectedAt: 0, jitterMs: 0, backAt: undefined, backOff: 0 };
      this.monitors.set(host, monitor);
    }
    return monitor;
  }
}
