import llamaTokenizer from 'llama-tokenizer-js';

/** Moonshine's vocabulary as sherpa-onnx wants it: lines of `base64 id`, 32,000 pieces and 768 specials. */
export function sherpaTokenLines(): string[] {
  const pieces = llamaTokenizer.vocabById.slice(0, 32_000).map((piece, id) => {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece);
    const bytes = byte ? Buffer.from([Number.parseInt(byte[1]!, 16)]) : Buffer.from(piece);
    return `${bytes.toString('base64')} ${id}`;
  });
  const specials = Array.from({ length: 768 }, (_, index) => {
    return `${Buffer.from(`<<ST_${index}>>`).toString('base64')} ${32_000 + index}`;
  });
  return [...pieces, ...specials, ''];
}
