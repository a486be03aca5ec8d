/** One thing that a client with a valid key tries at the expense of others. */

export interface Attempt {
  attempt: string;
  goal: string;
  found: string;
  met: boolean;
}

export const NOW = 1_790_000_000_000;
export const withCommas = (count: number) => count.toLocaleString("en-US");
export const range = (length: number) => Array.from({ length }, (_, index) => index);
