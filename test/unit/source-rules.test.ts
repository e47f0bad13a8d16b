import { describe, expect, test } from 'vitest';
import { pathFromText } from '#nbak/format/path.js';
import { excludeRule, includeRule, selectEntries } from '#nbak/source/rules.js';

function excluded(patterns: readonly string[], path: string, fileTexts: readonly string[] = []): boolean {
  return excludeRule({ patterns, fileTexts })(pathFromText(path.replace(/\/$/, '')), path.endsWith('/'));
}

describe('Exclude rules have gitignore syntax', () => {
  test.each([
    [['models/'], 'models/', true],
    [['models/'], 'models', false],
    [['models/'], 'deep/models/', true],
    [['/models/'], 'deep/models/', false],
    [['*.tmp'], 'a/b/c.tmp', true],
    [['*.tmp', '!keep.tmp'], 'a/keep.tmp', false],
    [['!keep.tmp', '*.tmp'], 'a/keep.tmp', true],
    [['a/', '!a/keep'], 'a/keep', true],
    [['a/*', '!a/keep'], 'a/keep', false],
    [['**/cache/**'], 'x/cache/y/z', true],
    [['# not a pattern'], '# not a pattern', false],
    [['Thumbs.db'], 'thumbs.db', false],
    [['été'], 'été', true],
    [['a?c'], 'abc', true],
  ] as const)('%j on %j: %j', (patterns, path, expected) => {
    expect(excluded(patterns, path)).toBe(expected);
  });

  test('exclude files come first, so that the command line has the last word', () => {
    const text = '\uFEFF# comment\r\n*.log\r\n\r\nlogs/\r\n';
    expect(excluded([], 'a.log', [text])).toBe(true);
    expect(excluded([], 'logs/', [text])).toBe(true);
    expect(excluded(['!a.log'], 'a.log', [text])).toBe(false);
  });

  test('the root is never out, and no patterns leave nothing out', () => {
    expect(excludeRule({ patterns: ['*'] })(pathFromText(''), true)).toBe(false);
    expect(excluded([], 'anything')).toBe(false);
  });

  test('stays right and bounded over more paths than it remembers', () => {
    const rule = excludeRule({ patterns: ['*.tmp'] });
    for (let i = 0; i < 40_000; i += 1) {
      if (rule(pathFromText(`d${i % 7}/f${i}.tmp`), false) && !rule(pathFromText(`d/f${i}.txt`), false))
        continue;
      throw new Error(`wrong at ${i}`);
    }
  });
});

describe('Includes select for a restore', () => {
  const tree = ['', 'a/', 'a/b/', 'a/b/x.md', 'a/c/', 'a/c/y.txt', 'd/', 'd/z.md', 'e.md'].map((name) => ({
    path: pathFromText(name.replace(/\/$/, '')),
    kind: name === '' || name.endsWith('/') ? ('directory' as const) : ('file' as const),
  }));
  const select = (...patterns: string[]): string[] =>
    [...selectEntries(tree, includeRule(patterns))].map((entry) => entry.path);

  test('what matches, with the directories above it and no others', () => {
    expect(select('*.md')).toEqual(['', 'a', 'a/b', 'a/b/x.md', 'd', 'd/z.md', 'e.md']);
    expect(select('/d/z.md')).toEqual(['', 'd', 'd/z.md']);
  });

  test('a directory takes everything below it', () => {
    expect(select('a/')).toEqual(['', 'a', 'a/b', 'a/b/x.md', 'a/c', 'a/c/y.txt']);
  });

  test('nothing when nothing matches', () => {
    expect(select('nowhere')).toEqual([]);
  });
});
