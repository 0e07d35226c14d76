/** One damaged ALAC packet. The decoder that threw it stays usable: packets stand alone. */
export class AlacPacketError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AlacPacketError';
  }
}
