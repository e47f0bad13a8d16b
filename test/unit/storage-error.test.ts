/** Which storage error a system error becomes. */

import { describe, expect, it } from 'vitest';
import { isNbakError, NbakError } from '#nbak/errors.js';
import { fromSystemError } from '#nbak/storage/storage-error.js';

const attempt = { operation: 'write', object: 'index/a', storage: 'local directory /backup' };
const system = (code: string, errno: number) =>
  Object.assign(new Error(`${code}: /secret/path`), { code, errno });

describe('a storage error', () => {
  it.each([
    ['ENOENT', -2, 'STORAGE_NOT_FOUND'],
    ['EACCES', -13, 'STORAGE_DENIED'],
    ['EPERM', -1, 'STORAGE_DENIED'],
    ['EROFS', -30, 'STORAGE_DENIED'],
    ['ENOSPC', -28, 'STORAGE_FULL'],
    ['EDQUOT', -122, 'STORAGE_FULL'],
    // What Node says of an exceeded quota, which libuv has no name for.
    ['Unknown system error -122', -122, 'STORAGE_FULL'],
    ['EIO', -5, 'STORAGE_FAILED'],
    ['ESTALE', -116, 'STORAGE_FAILED'],
  ])('for %s (%i) is %s', (code, errno, expected) => {
    const cause = system(code, errno);
    const error = fromSystemError(attempt, cause);
    expect(error).toMatchObject({ code: expected, details: attempt, cause });
    expect(error.message).toMatch(/^Cannot write index\/a in local directory \/backup: .+ \(.+\)$/u);
    expect(isNbakError(error) && error.hint).toMatch(/\.$/u);
  });

  it('leaves errors alone that are nbak errors already, or bugs', () => {
    for (const error of [new NbakError('PATH_UNSAFE', 'x'), new TypeError('x'), new RangeError('x')]) {
      expect(fromSystemError(attempt, error)).toBe(error);
    }
  });
});
