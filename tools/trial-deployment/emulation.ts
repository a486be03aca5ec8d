/** Addresses of the emulator, where they differ from those of AWS. */

export interface Emulation {
  /** The port of the emulator's own API. */
  port: number;
  /**
   * The port that clients connect to: a proxy in front of the emulator, see `subprotocol-proxy.ts`.
   */
  clientPort: number;
}

/**
 * A name below `localhost`, which the emulator takes for the host of an API. `localhost-names.cjs`
 * resolves it.
 */
export const emulatorHost = ({ clientPort }: Emulation) => `localhost:${clientPort}`;

export const emulatorUrl = ({ port }: Emulation) => `http://127.0.0.1:${port}`;

/** The URLs of an API's stage `prod`. */
export function emulatedAddress(emulation: Emulation, apiId: string) {
  return {
    webSocketUrl: `ws://${apiId}.execute-api.${emulatorHost(emulation)}/prod`,
    callbackUrl: `${emulatorUrl(emulation)}/_aws/execute-api/${apiId}/prod`,
  };
}

/** The address of a function URL, whose own name the emulator's clients can't resolve. */
export function emulatedFunctionUrl(emulation: Emulation, url: string): string {
  const [urlId] = new URL(url).host.split(".");
  return `${emulatorUrl(emulation)}/_aws/lambda-url/${urlId}`;
}
