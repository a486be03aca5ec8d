/** How those who take part offer what may happen next. */

export interface Offer {
  /** What is likelier has a greater weight; what has none is not offered. */
  offer(weight: number, action: () => void | Promise<void>): void;
  /** The weight of what is likely in some histories, and not in others. */
  likely(theme: number, weight: number, otherwise?: number): number;
}
