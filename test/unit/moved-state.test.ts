/** State that settings put into a directory of a SOURCE: its rules hold there, whatever the directory is called. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pathFromText } from '#nbak/format/path.js';
import { applyProfiles } from '#nbak/source/profiles/apply.js';
import { excludeRule, includeRule } from '#nbak/source/rules.js';
import { withDirectory } from '../support/engine-run.js';

function applied(directory: string): ReturnType<typeof applyProfiles> {
  return applyProfiles({
    sources: [directory],
    profile: 'auto',
    includeSecrets: false,
    vaultKey: undefined,
    environment: { variables: {}, home: '/', workingDirectory: '/' },
  });
}

describe('state in a directory that settings name', () => {
  it.each(['state', 'my [data]*?', '!odd', '#1', 'in/two parts '])(
    'has its rules and tokens there: %j',
    (name) =>
      withDirectory((directory) => {
        mkdirSync(join(directory, name), { recursive: true });
        for (const file of ['app.db', 'auth.json', 'sessions.json', '.app_key'])
          writeFileSync(join(directory, name, file), '');
        writeFileSync(join(directory, '.env'), `ODYSSEUS_DATA_DIR="./${name}"\n`);
        const { profile, sources } = applied(directory);
        const [source] = sources;
        expect([profile, sources.length]).toEqual(['odysseus', 1]);
        const isOut = excludeRule({ patterns: source?.exclude ?? [] });
        expect(isOut(pathFromText(`${name}/tts_cache`), true)).toBe(true);
        expect(isOut(pathFromText('tts_cache'), true)).toBe(false);
        const places = (source?.appKeys ?? []).flatMap(({ tokens }) => tokens.map(({ path }) => `/${path}`));
        const holdsTokens = includeRule(places);
        expect(holdsTokens(pathFromText(`${name}/app.db`), false)).toBe(true);
        expect(holdsTokens(pathFromText('app.db'), false)).toBe(false);
        return Promise.resolve();
      }),
  );

  it.each([
    ['below a file', 'file/data', 'not on this machine'],
    ['in a loop of links', 'loop/data', 'not to be looked at (ELOOP)'],
  ])('is named where it cannot be had: %s', (_, name, why) =>
    withDirectory((directory) => {
      writeFileSync(join(directory, 'file'), '');
      symlinkSync('loop', join(directory, 'loop'));
      const elsewhere = join(directory, name);
      const source = join(directory, 'repository');
      mkdirSync(source);
      writeFileSync(join(source, '.env'), `ODYSSEUS_DATA_DIR=${elsewhere}\n`);
      expect(applied(source)).toMatchObject({
        profile: 'generic',
        outside: [`the state of odysseus: ODYSSEUS_DATA_DIR names ${elsewhere}, which is ${why}`],
      });
      return Promise.resolve();
    }),
  );
});
