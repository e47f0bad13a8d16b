/** Vectors of history.json: tombstones and the graph of backups. */
import { encode } from '../cbor.js';
import type { Node } from '../history.js';
import { sorted } from '../manifest.js';
import { seeded } from '../seeded.js';
import { sign } from '../signature.js';
import { type Forgotten, type Tombstone, tombstonePayload } from '../tombstone.js';
import { type Draft, type DraftFile, group, invalid, valid } from './draft.js';
import { append, flip } from './verbs.js';
import { first, id, MOMENT, otherId, signedInput, stranger } from './world.js';

const name = (text: string): Uint8Array => seeded(`backup ${text}`, 32);
const [low = name('a'), high = name('b')] = sorted([name('a'), name('b')]);
const rowA: Forgotten = { digest: low, sequence: 1, parents: [], successor: null };
const rowB: Forgotten = { digest: high, sequence: 2, parents: [low], successor: name('rewritten') };
const tombstone: Tombstone = { id, time: MOMENT, rows: [rowA, rowB] };
const signedTombstone = (change: Partial<Tombstone> = {}): Uint8Array =>
  sign('tombstone', id, first.admin, tombstonePayload({ ...tombstone, ...change }));
const bad = (comment: string, change: Partial<Tombstone>): Draft =>
  invalid('FORMAT_INVALID', comment, '§12.3', signedInput(signedTombstone(change)));
const refuses = (
  error: Draft['error'] & string,
  comment: string,
  clause: string,
  object: Uint8Array,
): Draft => invalid(error, comment, clause, signedInput(object));

const node = (text: string, sequence: number, ...parents: readonly string[]): Node => ({
  digest: name(text),
  sequence,
  parents: sorted(parents.map(name)),
});
const history = (
  manifests: readonly Node[],
  forgotten: readonly Node[] = [],
  remembered: readonly string[] = [],
): Record<string, unknown> => ({
  manifests,
  forgotten,
  remembered: remembered.map(name),
});
const line = [node('a', 1), node('b', 2, 'a'), node('c', 3, 'b')];
const [a, b, c] = line;
const only = (...nodes: readonly (Node | undefined)[]): Node[] => nodes.filter((item) => item !== undefined);

export const historyFile: DraftFile = {
  name: 'history.json',
  spec: 'spec/format.md#12-history',
  header: ['Tombstones as objects; heads, parents and sequences of a repository.'],
  groups: [
    group(
      'readTombstone',
      valid('two forgotten backups, one of them rewritten', '§12.3', signedInput(signedTombstone()), {
        payload: tombstonePayload(tombstone),
      }),
      invalid('OBJECT_CORRUPT', 'a flipped bit', '§16.1', {
        ...signedInput(signedTombstone()),
        object: flip(signedTombstone(), 90),
      }),
      refuses('SIGNATURE_INVALID', 'a flipped bit in the signature', '§4.2', flip(signedTombstone(), -1)),
      refuses(
        'SIGNATURE_INVALID',
        'a tombstone of another repository',
        '§4.1',
        sign('tombstone', otherId, first.admin, tombstonePayload(tombstone)),
      ),
      refuses(
        'SIGNER_UNKNOWN',
        'signed by the backup key',
        '§4.1',
        sign('tombstone', id, first.backup, tombstonePayload(tombstone)),
      ),
      refuses(
        'SIGNER_UNKNOWN',
        'signed by a stranger',
        '§4.2',
        sign('tombstone', id, stranger.admin, tombstonePayload(tombstone)),
      ),
      refuses(
        'REFERENCE_TAMPERED',
        'the payload names another repository',
        '§12.3',
        signedTombstone({ id: otherId }),
      ),
      bad('no rows', { rows: [] }),
      bad('rows not ascending', { rows: [rowB, rowA] }),
      bad('parents of a row not ascending', { rows: [{ ...rowA, parents: [high, low] }] }),
      bad('one backup twice', { rows: [rowA, rowA] }),
      bad('sequence 0', { rows: [{ ...rowA, sequence: 0 }] }),
      refuses(
        'FORMAT_INVALID',
        'a row of three items',
        '§12.3',
        sign('tombstone', id, first.admin, encode([id, MOMENT, [[low, 1, []]]])),
      ),
      refuses('FORMAT_INVALID', 'a byte after it', '§4.1', append(signedTombstone(), 0)),
    ),
    group(
      'checkHistory',
      valid('a line of three backups', '§12.1', history(line)),
      valid('no backups', '§12.1', history([])),
      valid(
        'two writers and a backup that joins them',
        '§12.1',
        history([...line, node('x', 3, 'b'), node('y', 4, 'c', 'x')]),
      ),
      valid('two heads', '§12.1', history([...line, node('x', 3, 'b')])),
      valid('the backup in the middle was forgotten', '§12.2', history(only(a, c), only(b))),
      valid('a remembered head has become a parent', '§12.2', history(line, [], ['b'])),
      valid(
        'a remembered head was forgotten on purpose',
        '§12.2',
        history(
          [...line, node('d', 4, 'c')].filter((item) => item !== c),
          only(c),
          ['c'],
        ),
      ),
      valid('a forgotten backup stays a head', '§12.1', history(only(a, b), only(c), ['c'])),
      valid('all backups were forgotten', '§12.1', history([], line)),
      valid('a manifest that is there and forgotten', '§17.4', history(line, only(c))),
      invalid(
        'PARENT_MISSING',
        'the parent of a forgotten backup is gone',
        '§12.2',
        history(only(c), only(b)),
      ),
      invalid(
        'REFERENCE_TAMPERED',
        'two tombstones contradict each other',
        '§12.3',
        history(only(a, c), [...only(b), node('b', 7, 'a')]),
      ),
      invalid(
        'REFERENCE_TAMPERED',
        'a tombstone contradicts the manifest',
        '§12.3',
        history(line, [node('c', 3, 'a')]),
      ),
      invalid('PARENT_MISSING', 'a parent is gone without a tombstone', '§12.2', history(only(a, c))),
      invalid(
        'REFERENCE_TAMPERED',
        'a sequence that skips one',
        '§12.2',
        history([...only(a), node('x', 3, 'a')]),
      ),
      invalid('REFERENCE_TAMPERED', 'a sequence of 2 without parents', '§12.2', history([node('x', 2)])),
      invalid(
        'REFERENCE_TAMPERED',
        'a sequence that follows the lower of two parents',
        '§12.2',
        history([...line, node('x', 2, 'a', 'c')]),
      ),
      invalid('TAKEN_BACK', 'a remembered head is gone', '§12.2', history(only(a, b), [], ['c'])),
    ),
  ],
};
