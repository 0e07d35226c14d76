import { errorTable } from '../../src/core/errors.ts';

/** docs/reference/errors.md, from the error table. */
export function errorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, { status, type, next, summary }]) =>
      `| ${status} | \`${code}\` | \`${type}\` | ${next === 'try-other' ? 'yes' : 'no'} | ${summary} |`,
  );
  return `${[
    '# Errors',
    '',
    '<!-- Made from src/core/errors.ts by `node scripts/docs.ts --write`; edit that. -->',
    '',
    "Every failure has OpenAI's body, so that its SDKs raise the class that their users expect, and says in `origin` who",
    'failed: `router` is fluxscribe, `provider` a speech service behind it.',
    '',
    '```json',
    '{',
    '  "error": {',
    '    "message": "The form has no \'file\' part.",',
    '    "type": "invalid_request_error",',
    '    "code": "missing_file",',
    '    "param": "file",',
    '    "origin": "router"',
    '  }',
    '}',
    '```',
    '',
    '`param` names the field at fault where there is one. 429 and 503 carry `Retry-After` in seconds where a wait helps.',
    'In a stream whose headers have gone the same body comes as an `error` event. "Another" says whether routing tries',
    'another provider after this failure.',
    '',
    '| Status | Code | Type | Another | When |',
    '| ---: | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')}\n`;
}
