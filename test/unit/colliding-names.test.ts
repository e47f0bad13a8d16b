/** Names that some file systems take for one. */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isNbakError } from '#nbak/errors.js';
import { pathFromText, type BytePath } from '#nbak/format/path.js';
import { assertDistinct, collisionsOf, foldingOf } from '#nbak/restore/colliding-names.js';

const NOTHING = { cases: false, forms: false };
const CASES = { cases: true, forms: false };
const FORMS = { cases: false, forms: true };
const BOTH = { cases: true, forms: true };

function collide(folding: typeof BOTH, ...names: readonly string[]): boolean {
  return collisionsOf(names.map(pathFromText), folding).length > 0;
}

describe('names collide', () => {
  it.each([
    ['README', 'readme', CASES],
    ['Straße', 'STRASSE', CASES],
    ['Ωmega', 'ωmega', CASES],
    ['é'.normalize('NFC'), 'é'.normalize('NFD'), FORMS],
    ['É'.normalize('NFC'), 'é'.normalize('NFD'), BOTH],
    ['Å', 'Å', FORMS],
  ])('%j and %j, where the file system folds %j', (first, second, folding) => {
    expect(collide(folding, first, second)).toBe(true);
    expect(collide(NOTHING, first, second)).toBe(false);
  });

  it('only where all that they differ by is folded', () => {
    expect(collide(FORMS, 'README', 'readme')).toBe(false);
    expect(collide(CASES, 'é'.normalize('NFC'), 'é'.normalize('NFD'))).toBe(false);
    expect(collide(BOTH, 'a', 'b', 'a.', 'a ')).toBe(false);
  });

  it('whose bytes are no text by their ASCII letters', () => {
    const paths = ['A\xff', 'a\xff', 'a\xfe'] as BytePath[];
    expect(collisionsOf(paths, BOTH)).toEqual([['A\xff', 'a\xff']]);
  });

  it('in one directory; of colliding directories what is below is not named again', () => {
    const paths = ['', 'Dir', 'Dir/x', 'dir', 'dir/x', 'other', 'other/Dir'] as BytePath[];
    expect(collisionsOf(paths, CASES)).toEqual([['Dir', 'dir']]);
  });
});

it('a refusal names the pairs and says what to do', () => {
  const refuse = (): void => assertDistinct(['Dir', 'dir'] as BytePath[], CASES, '/mnt/stick');
  expect(refuse).toThrow('Dir and dir have one name on the file system of /mnt/stick');
  try {
    refuse();
  } catch (error) {
    if (!isNbakError(error, 'TARGET_CONFLICT')) throw error;
    expect(error.details).toEqual({ paths: ['Dir', 'dir'], count: 1 });
    expect(error.hint).toContain('--exclude');
  }
});

it('what a directory folds is seen without leaving anything in it', () => {
  const directory = mkdtempSync(join(tmpdir(), 'nbak-test-fold-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  if (process.platform === 'linux') expect(foldingOf(directory)).toEqual(NOTHING);
  expect(readdirSync(directory)).toEqual([]);
});
