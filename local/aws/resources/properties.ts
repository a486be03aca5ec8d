/** Reads resolved properties of resources, with errors that name the wrong property. */

import { LocalRuntimeError } from "../errors";

export type Properties = Record<string, unknown>;

/** The resolved properties of one resource. */
export class PropertyReader {
  constructor(
    readonly logicalId: string,
    readonly properties: Properties,
  ) {}

  /** @throws LocalRuntimeError if the property is not a text */
  text(name: string): string {
    const value = this.properties[name];
    return typeof value === "string" ? value : this.fail(name, "a text", value);
  }

  optionalText(name: string): string | undefined {
    return this.properties[name] === undefined ? undefined : this.text(name);
  }

  /**
   * A number, also if the template has it as a string. @throws LocalRuntimeError if it is not a
   * number
   */
  number(name: string, otherwise: number): number {
    const value = this.properties[name] ?? otherwise;
    const number = Number(value);
    return Number.isFinite(number) ? number : this.fail(name, "a number", value);
  }

  flag(name: string): boolean {
    return this.properties[name] === true || this.properties[name] === "true";
  }

  /** Empty if the property is absent. @throws LocalRuntimeError if it is not a list */
  list<T>(name: string): T[] {
    const value = this.properties[name] ?? [];
    return Array.isArray(value) ? (value as T[]) : this.fail(name, "a list", value);
  }

  object(name: string): PropertyReader {
    const value = this.properties[name] ?? {};
    if (typeof value !== "object" || Array.isArray(value)) this.fail(name, "an object", value);
    return new PropertyReader(`${this.logicalId}.${name}`, value as Properties);
  }

  /** One of the given strings. @throws LocalRuntimeError otherwise */
  oneOf<T extends string>(name: string, expected: readonly T[], otherwise?: T): T {
    const value = this.properties[name] ?? otherwise;
    const found = expected.find((text) => text === value);
    return found ?? this.fail(name, expected.join(" or "), value);
  }

  fail(name: string, expected: string, value: unknown): never {
    const got = value === undefined ? "none" : JSON.stringify(value);
    throw new LocalRuntimeError(`${this.logicalId}.${name}: expected ${expected}, got ${got}`);
  }
}
