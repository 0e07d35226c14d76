import { vendorVariables } from '../../src/config/provider-settings.ts';
import { type Setting, settingList } from '../../src/config/setting-list.ts';

/** docs/reference/config.md, from the settings' schema. */
export function configPage(): string {
  const sections = Map.groupBy(settingList, (setting) => (setting.path.length > 1 ? setting.path[0]! : ''));
  const lines = [
    '# Settings',
    '',
    '<!-- Made from src/config/settings.ts by `node scripts/docs.ts --write`; edit that. -->',
    '',
    'Every setting has a default that works. A setting comes from, in this order: its environment variable; the file',
    '`fluxscribe.yaml` in the working directory, or the file that `FLUXSCRIBE_CONFIG` names; its default. An empty',
    'variable counts as not set. A key or a `FLUXSCRIBE_…` variable that is not on this page is refused by name, so that a',
    'typing mistake cannot pass for a setting. Relative paths start at the working directory, `~` is the home folder.',
    '',
    '```yaml',
    '# fluxscribe.yaml',
    'port: 9000',
    'limits:',
    '  maxAudioSeconds: 3600',
    'engine:',
    '  workers: 4',
    '```',
    '',
  ];
  for (const [section, settings] of sections) {
    lines.push(section === '' ? '## General' : `## ${section}`, '');
    for (const setting of settings) lines.push(...entry(setting), '');
  }
  lines.push(...vendorSection());
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Variables that are not ours: the names that vendors' own SDKs read. */
function vendorSection(): string[] {
  return [
    "## Vendors' own variables",
    '',
    'A key switches its provider on; the address beside it moves it, for a proxy or another region, and means what the',
    "vendor's own SDK means by it. What is then offered stands in the [guide](../guides/providers.md).",
    '',
    '| provider | key | address |',
    '| --- | --- | --- |',
    ...vendorVariables.map(({ kind, key, baseUrl, apiVersion = [] }) => {
      const names = [...baseUrl, ...apiVersion].map((name) => `\`${name}\``);
      return `| \`${kind}\` | \`${key}\` | ${names.join(', ')} |`;
    }),
  ];
}

function entry(setting: Setting): string[] {
  return [
    `### \`${setting.path.join('.')}\``,
    '',
    setting.description,
    '',
    `- Variable: \`${setting.env}\``,
    `- Value: ${setting.type}`,
    `- Default: ${defaultText(setting.defaultValue)}`,
  ];
}

function defaultText(value: unknown): string {
  if (value === null) return 'none';
  if (Array.isArray(value) && value.length === 0) return 'none';
  if (Array.isArray(value)) return `\`${value.join(',')}\``;
  if (typeof value === 'number' && value >= 1024 * 1024 && value % (1024 * 1024) === 0) {
    return `\`${value}\` (${value / 1024 / 1024} MiB)`;
  }
  return `\`${value}\``;
}
