/** What time it is at the service, whatever this machine's clock says. */

/** Two clocks of this machine, in milliseconds: since 1970, and one that never jumps. */
export type Clocks = { readonly wall: number; readonly steady: number };

// An answer's `Date` has whole seconds: half of one is the best guess for the rest.
const HALF_SECOND_MS = 500;
// Between the two clocks. More means that the machine slept, or that somebody has set its clock.
const DRIFT_MS = 2_000;

export class ServerClock {
  #offset = 0;
  #known = false;
  #at: Clocks | null = null;

  /** Whether the service has said what time it is since the last jump of this machine's clock. */
  get isKnown(): boolean {
    return this.#known;
  }

  /** An answer that was sent at this time (milliseconds since 1970) has come just now. */
  hear(sent: number, now: Clocks): void {
    const offset = sent + HALF_SECOND_MS - now.steady;
    // What took longer to come seems to be older, so the latest time is the best one.
    if (!this.#known || offset > this.#offset || this.#offset - offset > DRIFT_MS) {
      this.#offset = offset;
    }
    this.#known = true;
    this.#at = now;
  }

  /** Milliseconds since 1970, at the service; without it, what this machine says. */
  now(now: Clocks): number {
    return this.#known ? now.steady + this.#offset : now.wall;
  }

  /** Whether one of the two clocks has jumped since the last look. Then ask the service again. */
  hasJumped(now: Clocks): boolean {
    const before = this.#at;
    this.#at = now;
    if (before === null) return false;
    const apart = now.wall - before.wall - (now.steady - before.steady);
    if (Math.abs(apart) < DRIFT_MS) return false;
    this.#known = false;
    return true;
  }
}

export function clocks(): Clocks {
  return { wall: Date.now(), steady: performance.now() };
}
