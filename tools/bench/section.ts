/** What every benchmark is: it measures, tells its figures as Markdown, and says which goals they meet. */

export interface MeasureOptions {
  /** Sizes that take seconds, to see that a benchmark works; their figures are not for the report. */
  quick: boolean;
  /** Told in one line what is being measured. */
  progress: (line: string) => void;
}

export interface Goal {
  /** What was to be reached, with its figure. */
  goal: string;
  /** What was measured. */
  found: string;
  met: boolean;
  /** Why it was not met, and what the limit is. */
  why?: string;
}

export interface Section<Figures = unknown> {
  /** As the command line and the report's file name it. */
  name: string;
  title: string;
  measure(options: MeasureOptions): Promise<Figures>;
  /** Below the title, tables included. */
  markdown(figures: Figures): string;
  goals(figures: Figures): Goal[];
  /** Figures that are exact: what has changed since the report, one sentence each. */
  changes?(figures: Figures, reported: Figures): string[];
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const line = (cells: readonly unknown[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** The middle and the spread of several runs of the same thing. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** @throws RangeError without values */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: percentile(sorted, 0.5),
    min: percentile(sorted, 0),
    max: percentile(sorted, 1),
  };
}

/** How a quantity is distributed. */
export interface Distribution {
  p50: number;
  p99: number;
  max: number;
}

/** @throws RangeError without values */
export function distributionOf(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    max: percentile(sorted, 1),
  };
}

/** @param sorted in ascending order @param share 0 to 1; the nearest rank @throws RangeError without values */
function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("expected values, got none");
  return value;
}

/** `1.04 (1.01 to 1.09)` */
export function told({ median, min, max }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}
