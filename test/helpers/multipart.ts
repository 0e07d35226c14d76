/** Multipart bodies written by hand, for what no well-behaved client sends. */

export interface Part {
  readonly name: string;
  readonly value: string | Buffer;
  readonly fileName?: string;
  readonly type?: string;
}

export const boundary = 'x-test-boundary';
export const multipartType = `multipart/form-data; boundary=${boundary}`;

export function multipartBody(parts: readonly Part[]): Buffer {
  return Buffer.concat([...parts.flatMap(partBytes), Buffer.from(`--${boundary}--\r\n`)]);
}

function partBytes({ name, value, fileName, type }: Part): Buffer[] {
  const disposition = `form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}`;
  const head = `--${boundary}\r\nContent-Disposition: ${disposition}\r\n${type ? `Content-Type: ${type}\r\n` : ''}\r\n`;
  return [Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')];
}
