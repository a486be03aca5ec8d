/** What a page's visibility and the browser's network do to a connection. Without a page, as in a worker, only the network. */

/** Wakes once every two seconds. Browsers slow the timers of hidden pages down to one a minute, but not those of workers. */
const TICKER = "data:,setInterval(postMessage,2e3,0)";

/** The part of a connection's manager that is called. */
interface Wakeable {
  wake(): void;
  reconnect(): void;
}

type Listen = (name: string, listener: () => void) => void;

interface Listenable {
  addEventListener: Listen;
  removeEventListener: Listen;
}

/** The part of a page's globals that is used. */
interface Page extends Partial<Listenable> {
  document?: Listenable & { hidden: boolean };
  Worker?: new (url: string) => { onmessage: (() => void) | null; terminate(): void };
}

/**
 * Tries to connect soon when the network is back or the page is shown or hidden, and keeps heartbeats on time while it is
 * hidden, if the page's policy allows a worker.
 *
 * @param leaseSeconds how long a heartbeat lasts: one a minute is enough for most
 * @returns a function that ends this
 */
export function followPage(manager: Wakeable, leaseSeconds: number): () => void {
  const page = globalThis as unknown as Page;
  const { document, Worker } = page;
  let ticker: InstanceType<NonNullable<typeof Worker>> | undefined;
  const onChange = () => {
    ticker?.terminate();
    try {
      if (document?.hidden && Worker && leaseSeconds < 90) {
        ticker = new Worker(TICKER);
        ticker.onmessage = () => manager.wake();
      }
    } catch {
      // The timers have to do.
    }
    manager.reconnect();
  };
  const listen = (how: keyof Listenable) => {
    page[how]?.("online", onChange);
    document?.[how]("visibilitychange", onChange);
  };
  listen("addEventListener");
  onChange();
  return () => {
    ticker?.terminate();
    listen("removeEventListener");
  };
}
