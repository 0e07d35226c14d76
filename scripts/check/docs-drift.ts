import { existsSync, readFileSync } from 'node:fs';
import { documentedRoutes } from '../docs/openapi.ts';
import { stalePages } from '../docs.ts';
import type { Check } from './problem.ts';

/** Pages made from code are as the code would make them. */
export const generatedDocs: Check = {
  name: 'generated pages',
  async run() {
    return stalePages().map((path) => `${path} differs from the code: run node scripts/docs.ts --write`);
  },
};

const apiPage = 'docs/reference/api.md';

/** Every route is in the API's page, and every route of the page exists. */
export const apiDocs: Check = {
  name: 'API page',
  async run() {
    if (!existsSync(apiPage)) return [`${apiPage} is missing`];
    const routes = await documentedRoutes();
    const text = readFileSync(apiPage, 'utf8');
    const named = new Set(
      [...text.matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^\s`]*)`/g)].map(([, route = '']) => route),
    );
    return [
      ...routes.filter((route) => !named.has(route)).map((route) => `${apiPage} does not name \`${route}\``),
      ...[...named]
        .filter((route) => !routes.includes(route))
        .map((route) => `${apiPage} names \`${route}\`, which is not served`),
    ];
  },
};
