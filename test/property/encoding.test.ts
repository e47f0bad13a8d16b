/** Structures survive encoding and decoding, have one encoding each, and broken ones are refused as an NbakError. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decompress } from '#nbak/compression/zstd.js';
import { isNbakError } from '#nbak/errors.js';
import { decodeBlobFrame } from '#nbak/format/blob.js';
import { toHex } from '#nbak/format/bytes.js';
import { decodeBundle, encodeBundle } from '#nbak/format/bundle.js';
import { decodeCbor, encodeCbor } from '#nbak/format/cbor.js';
import { decodeAnyEnvelope, encodeEnvelope } from '#nbak/format/cose.js';
import { decodeTombstone, encodeTombstone } from '#nbak/format/history.js';
import { decodeIndex, encodeIndex } from '#nbak/format/index-object.js';
import { LIMITS } from '#nbak/format/limits.js';
import {
  decodeDetail,
  decodeManifest,
  encodeDetail,
  encodeManifest,
  isSealedDetail,
} from '#nbak/format/manifest.js';
import { decodeFooter, encodeFooter } from '#nbak/format/pack.js';
import { decodePage, encodePage } from '#nbak/format/page.js';
import { packObject, unpackObject } from '#nbak/repository/compressed-io.js';
import { parseVaultKey } from '#nbak/vault/vault-key.js';
import { parseVerificationKey } from '#nbak/vault/verification-key.js';
import { footer, manifest, mutated, page, runs } from '../support/arbitraries.js';
import { repositoryOf } from '../support/tiny-repository.js';

/** What may go wrong with bytes from outside: an NbakError, nothing else. Gives what came out where nothing did. */
function refusing<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (isNbakError(error)) return undefined;
    throw error;
  }
}

/** `value` with bytes as hex: whether they are in a Buffer or in another Uint8Array is no difference. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${toHex(value)}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function expectSame(actual: unknown, expected: unknown): void {
  expect(plain(actual)).toEqual(plain(expected));
}

describe('a page, a manifest and a footer', () => {
  it('are after decoding what they were before encoding, and encode to the same bytes again', () => {
    fc.assert(
      fc.property(page, (value) => {
        const bytes = encodePage(value);
        const decoded = decodePage(bytes);
        expectSame(decoded, value);
        expectSame(encodePage(decoded), bytes);
      }),
      runs(300),
    );
    fc.assert(
      fc.property(manifest, (value) => {
        const bytes = encodeManifest(value);
        expectSame(decodeManifest(bytes), value);
        expectSame(encodeManifest(decodeManifest(bytes)), bytes);
        if (!isSealedDetail(value.detail)) expectSame(decodeDetail(encodeDetail(value.detail)), value.detail);
      }),
      runs(300),
    );
    fc.assert(
      fc.property(footer, (value) => {
        const bytes = encodeFooter(value);
        expectSame(decodeFooter(bytes), value);
        expectSame(encodeFooter(decodeFooter(bytes)), bytes);
      }),
      runs(300),
    );
  });

  it('that were changed on the way are refused, or are other valid ones in their one encoding', () => {
    const cases = fc.oneof(
      page.map((value) => [encodePage(value), (bytes: Uint8Array) => encodePage(decodePage(bytes))] as const),
      manifest.map(
        (value) =>
          [encodeManifest(value), (bytes: Uint8Array) => encodeManifest(decodeManifest(bytes))] as const,
      ),
      footer.map(
        (value) => [encodeFooter(value), (bytes: Uint8Array) => encodeFooter(decodeFooter(bytes))] as const,
      ),
    );
    let refused = 0;
    fc.assert(
      fc.property(
        cases.chain(([bytes, again]) => mutated(bytes).map((changed) => [changed, again] as const)),
        ([changed, again]) => {
          const encoded = refusing(() => again(changed));
          if (encoded === undefined) refused += 1;
          else expectSame(encoded, changed);
        },
      ),
      runs(2000),
    );
    expect(refused).toBeGreaterThan(500);
  });
});

describe('any bytes at all', () => {
  const decoders: Readonly<Record<string, (bytes: Uint8Array) => unknown>> = {
    cbor: (bytes) => decodeCbor(bytes, 'a test'),
    page: decodePage,
    manifest: decodeManifest,
    detail: decodeDetail,
    footer: decodeFooter,
    index: decodeIndex,
    tombstone: decodeTombstone,
    bundle: decodeBundle,
    'blob frame': decodeBlobFrame,
    envelope: (bytes) => decodeAnyEnvelope(bytes, LIMITS.manifestBytes, 'a test'),
    'stored page': (bytes) => unpackObject('NBKP', bytes, LIMITS.pageRawBytes, 'a test'),
    zstd: (bytes) => decompress(bytes, 100),
    'vault key': (bytes) => parseVaultKey(Buffer.from(bytes).toString()),
    'verification key': (bytes) => parseVerificationKey(Buffer.from(bytes).toString()),
  };

  it.each(Object.entries(decoders))(
    'given to the decoder of a %s are refused as an NbakError or accepted',
    (_, decode) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void refusing(() => decode(bytes))),
        runs(500),
      );
    },
  );

  it('made from the objects of a real repository are, too', async () => {
    const { snapshot } = await repositoryOf([{ a: 'a', b: 'b'.repeat(5000) }], 'plain');
    const objects = [...snapshot.values()];
    expect(objects.length).toBeGreaterThan(4);
    for (const object of objects) {
      fc.assert(
        fc.property(mutated(object), fc.constantFrom(...Object.values(decoders)), (bytes, decode) => {
          refusing(() => decode(bytes));
        }),
        runs(300),
      );
    }
  });
});

describe('the smaller structures', () => {
  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

  it('have one encoding each, too', () => {
    const cases = fc.oneof(
      fc
        .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 6 })
        .map((slices) => ({
          bytes: encodeBundle(slices),
          again: (changed: Uint8Array) => encodeBundle(decodeBundle(changed)),
        })),
      fc.array(bytes32, { maxLength: 4 }).map((footers) => ({
        bytes: encodeIndex(footers),
        again: (changed: Uint8Array) => encodeIndex(decodeIndex(changed)),
      })),
      fc.array(bytes32, { maxLength: 4 }).map((list) => ({
        bytes: encodeCbor([...list, 'text', 7, -7, true, null]),
        again: (changed: Uint8Array) => encodeCbor(decodeCbor(changed, 'a test')),
      })),
      bytes32.map((seed) => ({
        bytes: encodeTombstone({
          repository: Buffer.from(seed.subarray(0, 16)).toString('hex') as never,
          time: seed[0] ?? 0,
          rows: [],
        }),
        again: (changed: Uint8Array) => encodeTombstone(decodeTombstone(changed)),
      })),
    );
    fc.assert(
      fc.property(
        cases.chain(({ bytes, again }) => mutated(bytes).map((changed) => ({ bytes, changed, again }))),
        ({ bytes, changed, again }) => {
          const ofWhole = refusing(() => again(bytes));
          if (ofWhole !== undefined) expectSame(ofWhole, bytes);
          const encoded = refusing(() => again(changed));
          if (encoded !== undefined) expectSame(encoded, changed);
        },
      ),
      runs(1000),
    );
  });

  it('of signed objects and frames found in a real repository encode again to the same bytes', async () => {
    const { snapshot } = await repositoryOf([{ a: 'a' }], 'sealed');
    let envelopes = 0;
    for (const [name, bytes] of snapshot) {
      if (/^(manifests|epochs|repository)/.test(name)) {
        expectSame(encodeEnvelope(decodeAnyEnvelope(bytes, LIMITS.recordBytes, name)), bytes);
        envelopes += 1;
      }
    }
    expect(envelopes).toBe(3);
  });

  it('are wrapped so that any raw bytes come back', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc.nat(5000).map((length) => new Uint8Array(length)),
        ),
        (raw) => {
          const stored = packObject('NBKP', raw);
          expect(stored.length).toBeLessThanOrEqual(raw.length + 10);
          expectSame(unpackObject('NBKP', stored, LIMITS.pageRawBytes, 'a test'), raw);
        },
      ),
      runs(200),
    );
  });
});
