import { inspect } from 'node:util';

/** A text that must not be shown: printed, logged or made JSON it is `[secret]`. `reveal` is where it is used. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the call that needs it; never for a message, a log field or a reply. */
  reveal(): string {
    return this.#text;
  }

  /** The last four characters, by which a person knows it again; fewer where that would be a good part of it. */
  last4(): string {
    return this.#text.length >= 12 ? this.#text.slice(-4) : '';
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
