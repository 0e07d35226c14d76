/**
 * Samples of an ALAC packet for each channel. A full packet has the configured number; the last one of a stream says its
 * own, in the 32 bits behind the first element's head (tag 3, instance 4, unused 12, has-size 1, shift 2, verbatim 1).
 */
export function alacPacketSamples(packet: Uint8Array, frameLength: number): number {
  if (packet.length < 7 || (packet[2]! & 0x10) === 0) return frameLength;
  let samples = packet[2]! & 1;
  for (let index = 3; index < 6; index++) samples = samples * 256 + packet[index]!;
  samples = samples * 128 + (packet[6]! >> 1);
  return samples <= frameLength ? samples : frameLength;
}
