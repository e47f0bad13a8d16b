/** What profiles say of databases and servers outside: what is captured, what is named, and no secret (spec/profiles.md, 6). */

import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { findElsewhere, type FoundElsewhere } from '#nbak/source/profiles/elsewhere.js';
import { withDirectory } from '../support/engine-run.js';

const DATABASE = { kind: 'database-url', variable: 'URL', relativeTo: '.', what: 'the database' } as const;
const SERVER = { kind: 'server', host: 'HOST', port: 'PORT', what: 'a server' } as const;

function found(
  part: typeof DATABASE | typeof SERVER,
  variables: Readonly<Record<string, string>>,
  directory = '/nowhere',
): FoundElsewhere {
  return findElsewhere(part, directory, { variables, home: '/', workingDirectory: '/' });
}

describe('what lies elsewhere', () => {
  it('is captured where an SQLite URL names a file that is there, absolute or relative', () =>
    withDirectory((directory) => {
      const path = join(directory, 'x.db');
      writeFileSync(path, '');
      for (const url of [`sqlite:///${path}`, 'sqlite+aiosqlite:///./x.db?timeout=5'])
        expect(found(DATABASE, { URL: url }, directory)).toEqual({ databases: [path], outside: [] });
      return Promise.resolve();
    }));

  it('is nothing where a database is only in memory', () => {
    for (const url of ['', 'sqlite://', 'sqlite:///', 'sqlite:///:memory:', 'sqlite+aiosqlite://'])
      expect([url, found(DATABASE, { URL: url })]).toEqual([url, { databases: [], outside: [] }]);
  });

  it('is named without users, passwords and parameters', () => {
    for (const [url, place] of [
      [
        'postgresql+asyncpg://me:p@ss/w@db.example:5432/app?sslpassword=p@ss',
        'postgresql at db.example:5432/app',
      ],
      ['mysql://db/app', 'mysql at db/app'],
      ['p@ss word', 'a place that is no URL'],
    ] as const) {
      const [text = '', ...more] = found(DATABASE, { URL: url }).outside;
      expect(more).toEqual([]);
      expect(text).toContain(place);
      expect(text).not.toMatch(/p@ss|ss\/w|ssl/);
    }
    const { outside } = found(SERVER, { HOST: 'me:p@ss@chroma.example', PORT: '8000' });
    expect(outside).toEqual(['a server (HOST is chroma.example, port 8000)']);
  });
});
