import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from './room-rules.ts';

describe('room rules', () => {
  const problems = (file: string, text: string) =>
    problemsOf(file, text, { installed: ['zod'], optional: ['extra'] }).join('\n');

  it('lets a room import itself and what its row of the table allows', () => {
    assert.equal(problems('src/routing/a.ts', "import { b } from './b.ts';\nimport { c } from '../core/c.ts';"), '');
    assert.equal(problems('src/http/routes/a.ts', "import type { T } from '../../pipeline/t.ts';"), '');
  });

  it('refuses another room, also for types, re-exports and dynamic imports', () => {
    for (const line of [
      "import { x } from '../http/x.ts';",
      "import type { X } from '../http/x.ts';",
      "export * from '../http/x.ts';",
      "const x = await import('../http/x.ts');",
      "import '../http/x.ts';",
      "import {\n  a,\n  b,\n} from '../http/x.ts';",
    ]) {
      assert.match(problems('src/routing/a.ts', line), /the room routing may not import src\/http\/x\.ts/, line);
    }
  });

  it('lets providers see audio types and nothing else of audio, and one provider nothing of another', () => {
    assert.equal(problems('src/providers/local/p.ts', "import { A } from '../../audio/audio.ts';"), '');
    assert.match(problems('src/providers/local/p.ts', "import { A } from '../../audio/opener.ts';"), /may not import/);
    assert.match(problems('src/providers/local/p.ts', "import { A } from '../openai/p.ts';"), /may not import/);
  });

  it('refuses a room that nobody has put in the table', () => {
    assert.match(problems('src/stuff/a.ts', ''), /not in the table/);
  });

  it('refuses packages that users of the published package would not have', () => {
    assert.equal(problems('src/core/a.ts', "import { z } from 'zod';\nimport { join } from 'node:path';"), '');
    assert.match(problems('src/core/a.ts', "import fc from 'fast-check';"), /fast-check, which is not in dependencies/);
    assert.match(problems('src/core/a.ts', "import x from '@a/b/c.js';"), /imports @a\/b,/);
  });

  it('lets a package that may be absent be imported when it is needed, and its types at any time', () => {
    assert.equal(problems('src/core/a.ts', "const x = await import('extra');"), '');
    assert.equal(problems('src/core/a.ts', "load(() => import('extra'))"), '');
    assert.equal(problems('src/core/a.ts', "import type { X } from 'extra';\nimport { z } from 'zod';"), '');
    for (const line of ["import x from 'extra';", "import type { Z } from 'zod';\nimport {\n  x,\n} from 'extra';"]) {
      assert.match(problems('src/core/a.ts', line), /imports extra, which may be absent/, line);
    }
  });

  it('lets settings be read in one room', () => {
    assert.match(problems('src/core/a.ts', 'const x = process.env.HOME;'), /reads process\.env/);
    assert.equal(problems('src/config/a.ts', 'const x = process.env.HOME;'), '');
  });

  it('reads past comments', () => {
    assert.equal(problems('src/core/a.ts', "/* import { x } from '../http/x.ts'; */\n// process.env"), '');
  });
});
