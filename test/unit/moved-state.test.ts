/** State that settings put into a directory of a SOURCE: its rules hold there, whatever the directory is called. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pathFromText } from '#nbak/format/path.js';
import { applyProfiles } from '#nbak/source/profiles/apply.js';
import { excludeRule, includeRule } from '#nbak/source/rules.js';
import { withDirectory } from '../support/engine-run.js';

describe('state in a directory that settings name', () => {
  it.each(['state', 'my [data]*?', '!odd', '#1', 'in/two parts '])(
    'has its rules and tokens there: %j',
    (name) =>
      withDirectory((directory) => {
        mkdirSync(join(directory, name), { recursive: true });
        for (const file of ['app.db', 'auth.json', 'sessions.json', '.app_key'])
          writeFileSync(join(directory, name, file), '');
        writeFileSync(join(directory, '.env'), `ODYSSEUS_DATA_DIR="./${name}"\n`);
        const { profile, sources } = applyProfiles({
          sources: [directory],
          profile: 'auto',
          includeSecrets: false,
          vaultKey: undefined,
          environment: { variables: {}, home: '/', workingDirectory: '/' },
        });
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
});
