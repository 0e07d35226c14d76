/** Turns packets of one segment into sound, in order. One instance serves one segment and is freed after it. */
export interface PacketDecoder {
  /** Hertz of what `decode` returns: the configuration's nominal rate, or another that divides it evenly (Opus). */
  readonly sampleRate: number;
  /**
   * The samples of one packet in -1..1, an array for each channel. Throws, or returns fewer samples than the packet
   * stands for, when the packet is damaged; the next one can be tried all the same.
   */
  decode(packet: Uint8Array): Float32Array[] | Promise<Float32Array[]>;
  /** Gives back the decoder's memory. */
  free(): void;
}
