import { type Clock, systemClock } from "@sallyport/tunnel/clock";

/** The command line's clock: its timers keep the process alive, or it would end while every router waits to be restarted. */
export const clock: Clock = {
  now: systemClock.now,
  after(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    return () => clearTimeout(timer);
  },
};
