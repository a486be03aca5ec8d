/** A benchmark: measures, renders its figures as Markdown, and compares them with its goals. */

export interface MeasureOptions {
  /**
   * Uses small sizes that take seconds, to test the benchmark. The figures don't go into the
   * report.
   */
  quick: boolean;
  /** Called with a line that says what is being measured. */
  progress: (line: string) => void;
}

export interface Goal {
  /** The target, with its figure. */
  goal: string;
  /** The measured value. */
  found: string;
  met: boolean;
  /** Why it was not met, and what limits it. */
  why?: string;
}

export interface Section<Figures = unknown> {
  /** The name on the command line and of the report's folder. */
  name: string;
  title: string;
  measure(options: MeasureOptions): Promise<Figures>;
  /** The content below the title. */
  markdown(figures: Figures): string;
  goals(figures: Figures): Goal[];
  /** For exact figures: the changes since the report, one sentence each. */
  changes?(figures: Figures, reported: Figures): string[];
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const line = (cells: readonly unknown[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Median and range of several runs of the same measurement. */
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

/** The distribution of a quantity. */
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

/**
 * The nearest-rank percentile. @param sorted in ascending order @param share 0 to 1 @throws
 * RangeError without values
 */
function percentile(sorted: readonly number[], share: number): number {
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("expected values, got none");
  return value;
}

/** For example `1.04 (1.01 to 1.09)`. */
export function spreadText({ median, min, max }: Spread, digits = 2): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}
