/** One damaged AAC packet. The decoder that threw it stays usable: its next packet is decoded as if this one was lost. */
export class AacPacketError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AacPacketError';
  }
}
