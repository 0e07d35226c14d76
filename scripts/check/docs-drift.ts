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

/** Documents for machines and people: served, and not part of what they describe. */
const documentRoutes = ['GET /openapi.json', 'GET /docs', 'GET /llms.txt'];

/** Every route is in the API's page, and every route of the page exists. What a parameter is called does not matter. */
export const apiDocs: Check = {
  name: 'API page',
  async run() {
    if (!existsSync(apiPage)) return [`${apiPage} is missing`];
    const served = new Set([...(await documentedRoutes()), ...documentRoutes].map(withoutNames));
    const text = readFileSync(apiPage, 'utf8');
    // In a list such as `GET /health`, `/livez` the method is not repeated.
    const named = [...text.matchAll(/`((?:(?:GET|POST|PUT|PATCH|DELETE) )?\/[a-z][^\s`]*)`/g)].map(([, route = '']) =>
      withoutNames(route.startsWith('/') ? `GET ${route}` : route),
    );
    const explicit = [...text.matchAll(/`((?:GET|POST|PUT|PATCH|DELETE) \/[^\s`]*)`/g)].map(([, route = '']) => route);
    return [
      ...[...served].filter((route) => !named.includes(route)).map((route) => `${apiPage} does not name \`${route}\``),
      ...explicit
        .filter((route) => !served.has(withoutNames(route)))
        .map((route) => `${apiPage} names \`${route}\`, which is not served`),
    ];
  },
};

function withoutNames(route: string): string {
  return route.replaceAll(/\{[^}]*\}/g, '{}');
}
