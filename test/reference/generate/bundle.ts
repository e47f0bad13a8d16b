/** Vectors of bundle.json. */
import { ascii, concat, u32 } from '../bytes.js';
import { writeBundle } from '../bundle.js';
import { type DraftFile, group, invalid, valid } from './draft.js';
import { append, patch, withoutEnd } from './verbs.js';

const three = writeBundle([ascii('one'), ascii('second'), ascii('3')]);
const ones = (count: number): Uint8Array[] => Array.from({ length: count }, () => Uint8Array.of(1));

export const bundleFile: DraftFile = {
  name: 'bundle.json',
  spec: 'spec/format.md#7-cutting',
  header: ['Plaintexts of blobs of kind 2.'],
  groups: [
    group(
      'readBundle',
      valid('three slices', '§7.4', { plaintext: three }),
      valid('one slice of one byte', '§7.4', { plaintext: writeBundle([Uint8Array.of(0)]) }),
      invalid('FORMAT_INVALID', 'no slices', '§7.4', { plaintext: u32(0) }),
      invalid('FORMAT_INVALID', 'no bytes', '§7.4', { plaintext: new Uint8Array() }),
      invalid('FORMAT_INVALID', 'an empty slice', '§7.4', {
        plaintext: writeBundle([ascii('a'), new Uint8Array()]),
      }),
      invalid('FORMAT_INVALID', 'the last byte is missing', '§7.4', { plaintext: withoutEnd(three, 1) }),
      invalid('FORMAT_INVALID', 'a byte after the slices', '§7.4', { plaintext: append(three, 0) }),
      invalid('FORMAT_INVALID', 'a length that reaches beyond the end', '§7.4', {
        plaintext: patch(three, 4, u32(4294967295)),
      }),
      invalid('FORMAT_INVALID', 'lengths whose sum overflows 32 bits', '§7.4', {
        plaintext: concat(u32(2), u32(4294967295), u32(3), ascii('ab')),
      }),
      invalid('FORMAT_INVALID', 'a count within the limit and beyond the bytes', '§7.4', {
        plaintext: patch(three, 0, u32(8192)),
      }),
      invalid('LIMIT_EXCEEDED', 'a count beyond the limit', '§15', { plaintext: writeBundle(ones(8193)) }),
      invalid('LIMIT_EXCEEDED', 'the largest count', '§15', { plaintext: patch(three, 0, u32(4294967295)) }),
    ),
    group(
      'writeBundle',
      valid('three slices', '§7.4', { slices: [ascii('one'), ascii('second'), ascii('3')] }),
    ),
  ],
};
