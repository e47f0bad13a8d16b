/** What a page may hold is counted before any of it is built. */

import { expect, it } from 'vitest';
import { encodeCbor } from '#nbak/format/cbor.js';
import { LIMITS } from '#nbak/format/limits.js';
import { decodePage } from '#nbak/format/page.js';

it.each(['entries', 'pieces'])('too many %s are refused before one of them is read', (what) => {
  // None of them is an entry, nor a piece: whoever read one would say so.
  const many = Array.from({ length: LIMITS.pageEntries + 1 }, () => 'neither');
  const page =
    what === 'entries' ? [1, 1, [], new Uint8Array(), [[], many]] : [3, 1, [], new Uint8Array(), [many]];
  const most = LIMITS.pageEntries;
  const details = { structure: 'a page', limit: 'pageEntries', value: most + 1, most };
  expect(() => decodePage(encodeCbor(page))).toThrow(
    expect.objectContaining({ code: 'LIMIT_EXCEEDED', details }),
  );
});
