import { existsSync, readFileSync } from 'node:fs';
import { loadCatalogue } from '../../src/catalogue/load-catalogue.ts';
import type { Check, Problem } from './problem.ts';
import { sourceFiles } from './source-files.ts';

const maxLines = 400;

/** A file that is longer has two purposes: give each its own. */
export const fileLength: Check = {
  name: 'file length',
  async run() {
    return sourceFiles('.ts', '.mjs', '.js', '.sh', '.css', '.tsx').flatMap((file): Problem[] => {
      const lines = readFileSync(file, 'utf8').split('\n').length - 1;
      return lines > maxLines ? [`${file}: ${lines} lines; ${maxLines} are the limit`] : [];
    });
  },
};

const wanted = ['README.md', 'ARCHITECTURE.md', 'CHANGELOG.md', 'LICENSE', 'docs/reference/licences.md'];

export const projectFiles: Check = {
  name: 'project files',
  async run() {
    const problems: Problem[] = wanted.filter((file) => !existsSync(file)).map((file) => `${file} is missing`);
    if (existsSync('CHANGELOG.md') && !/^## .*\d{4}-\d{2}-\d{2}/m.test(readFileSync('CHANGELOG.md', 'utf8'))) {
      problems.push('CHANGELOG.md has no dated section, such as "## 0.1.0, 2026-11-21"');
    }
    return problems;
  },
};

export const catalogueIsValid: Check = {
  name: 'catalogue',
  async run() {
    try {
      loadCatalogue(null);
      return [];
    } catch (thrown) {
      return [thrown instanceof Error ? thrown.message : String(thrown)];
    }
  },
};

/** Relative links in our pages lead somewhere. */
export const links: Check = {
  name: 'links in the docs',
  async run() {
    return sourceFiles('.md').flatMap((file) => {
      const folder = file.includes('/') ? file.slice(0, file.lastIndexOf('/') + 1) : '';
      const targets = [...readFileSync(file, 'utf8').matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
        ([, to = '']) => to,
      );
      return targets
        .filter((to) => !existsSync(folder + to))
        .map((to) => `${file}: links to ${to}, which is not there`);
    });
  },
};
