/** What the other side answered. The body can be read once, by one of the methods. */
export interface OutboundReply {
  readonly status: number;
  /** A header's value by its lower-case name, repeated ones joined by commas; null: it is not there. */
  header(name: string): string | null;
  /** The whole body as UTF-8. Rejects with `bad_gateway` when it is larger than the request allowed. */
  text(): Promise<string>;
  /** The body as it arrives, under the same ceiling. Leaving the loop early closes the connection. */
  chunks(): AsyncIterable<Uint8Array>;
  /** For a body that nobody wants. */
  discard(): void;
}
