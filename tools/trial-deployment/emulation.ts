/** Where the emulator is, and how its addresses differ from those of AWS. */

export interface Emulation {
  /** Where the emulator's own API is. */
  port: number;
  /** Where clients connect: in front of the emulator, see `subprotocol-proxy.ts`. */
  clientPort: number;
}

/** A name below `localhost` that the emulator takes for the host of an API; `localhost-names.cjs` leads it home. */
export const emulatorHost = ({ clientPort }: Emulation) => `localhost:${clientPort}`;

export const emulatorUrl = ({ port }: Emulation) => `http://127.0.0.1:${port}`;

/** The addresses of the stage `prod` of an API. */
export function emulatedAddress(emulation: Emulation, apiId: string) {
  return {
    webSocketUrl: `ws://${apiId}.execute-api.${emulatorHost(emulation)}/prod`,
    callbackUrl: `${emulatorUrl(emulation)}/_aws/execute-api/${apiId}/prod`,
  };
}
