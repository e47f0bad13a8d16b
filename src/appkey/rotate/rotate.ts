/** Gives a stopped application a new app key, under which all its tokens are. Implements §23. */

import { NbakError } from '../../errors.js';
import { pathToText, type BytePath } from '../../format/path.js';
import { placeText } from '../../repository/app-keys.js';
import type { RuledSource } from '../../source/ruled-source.js';
import { assertNoneRuns, assertNotInUse } from '../../source/stop-check.js';
import { assertNoUnfinishedRestore } from '../../source/unfinished-restore.js';
import { RotatingHolders, type HolderTallies } from './holders.js';
import { drawNextKey, keyLeftBehind, removeNextKey, writeNextKey } from './next-key.js';
import { planRotation, type RotationPlan, type TokenHolder } from './plan.js';
import { notRotatable } from './refusal.js';
import { moveOver } from './replacement.js';
import type { RotatedPlace, RotateOptions, RotationResult } from './result.js';

/**
 * Seals every token of an application anew under a new app key: all app keys that the source declares and has. A run
 * that was cut off, at whatever point, is finished by running it again; until then the application must not start.
 *
 * @throws NbakError `TARGET_IN_USE`, `APP_KEY_NOT_FOUND`, `APP_KEY_MALFORMED`, `APP_KEY_NOT_ROTATABLE`,
 *   `RESTORE_UNFINISHED`, `INTERRUPTED`, with nothing changed; `TOKEN_DEAD`, `TARGET_FAILED`, both of which say whether
 *   something was.
 */
export async function rotateAppKeys(source: RuledSource, options: RotateOptions): Promise<RotationResult> {
  const plan = planRotation(source);
  assertNoUnfinishedRestore(source.path);
  assertStopped(plan);
  for (const key of plan.keys) keyLeftBehind(key);
  await options.beforeRotating();
  options.onProgress?.('backed-up');
  assertStopped(plan);
  if (options.signal?.aborted === true)
    throw new NbakError('INTERRUPTED', 'Interrupted: nothing was changed');
  return rotatePlanned(plan, options);
}

async function rotatePlanned(plan: RotationPlan, { onProgress }: RotateOptions): Promise<RotationResult> {
  const left = new Map(plan.keys.map((key) => [key, keyLeftBehind(key)]));
  const nextKeys = new Map(plan.keys.map((key) => [key, left.get(key) ?? drawNextKey(key)]));
  const holders = new RotatingHolders(plan.holders, nextKeys);
  let isChanged = false;
  try {
    const before = await holders.lock();
    assertRightKeys(plan, before);
    for (const [key, text] of nextKeys) if (left.get(key) === undefined) writeNextKey(key, text);
    onProgress?.('key-made');
    assertAllOpen(before, await holders.prepare(), 'nothing was changed');
    onProgress?.('prepared');
    isChanged = true;
    await holders.write(() => onProgress?.('written'));
    const after = await holders.check();
    assertAllOpen(before, after, 'the old key is still in place, the new one beside it');
    onProgress?.('checked');
    for (const { path, nextPath } of plan.keys) {
      moveOver(nextPath, path);
      onProgress?.('key-in-place');
    }
    return resultOf(plan, after);
  } catch (error) {
    if (!isChanged) for (const key of plan.keys) if (left.get(key) === undefined) removeNextKey(key);
    throw rotationError(error, isChanged);
  } finally {
    await holders.close();
  }
}

function assertStopped({ root: { directory }, inodes }: RotationPlan): void {
  assertNoneRuns(pathToText(directory as BytePath));
  assertNotInUse(directory, inodes);
}

/** A key that opens none of its tokens is not the one that the application uses. */
function assertRightKeys({ keys, holders }: RotationPlan, tallies: HolderTallies): void {
  for (const key of keys) {
    const own = holders.flatMap((holder) =>
      holder.spots.flatMap((spot, i) => (spot.key === key ? (tallies.get(holder)?.[i] ?? []) : [])),
    );
    if (own.length > 0 && own.every(({ opened }) => opened === 0) && own.some(({ failed }) => failed > 0))
      throw notRotatable(
        `${pathToText(key.at)} opens none of the tokens of ${key.name}`,
        'The application uses another key: look at its environment, or restore the key from a backup.',
      );
  }
}

function assertAllOpen(before: HolderTallies, after: HolderTallies, state: string): void {
  for (const [holder, tallies] of before) {
    for (const [i, { opened }] of tallies.entries()) {
      const now = after.get(holder)?.[i]?.opened ?? 0;
      if (now >= opened) continue;
      const place = placeOf(holder, i);
      throw new NbakError(
        'TOKEN_DEAD',
        `${place}: ${now} tokens would open with the new app key, ${opened} open with the old one; ${state}`,
        {
          details: { place, opened, now },
          hint: 'Keep both keys and the backup made before, leave the application stopped, and report this.',
        },
      );
    }
  }
}

function resultOf({ keys, holders }: RotationPlan, tallies: HolderTallies): RotationResult {
  const places = holders.flatMap((holder) =>
    (tallies.get(holder) ?? []).map(({ opened, failed }, i): RotatedPlace => ({
      place: placeOf(holder, i),
      opened,
      failed,
    })),
  );
  const found = places.filter(({ opened, failed }) => opened + failed > 0);
  return {
    rotated: found.reduce((sum, { opened }) => sum + opened, 0),
    failed: found.reduce((sum, { failed }) => sum + failed, 0),
    places: found,
    keys: keys.map(({ name, at }) => ({ name, file: pathToText(at) })),
  };
}

function placeOf({ at, spots }: TokenHolder, index: number): string {
  const spot = spots[index]?.spot;
  return spot === undefined ? pathToText(at) : placeText({ path: at, ...spot }, { roots: [] });
}

/** What stopped the rotation, and what that means. */
function rotationError(error: unknown, isChanged: boolean): unknown {
  const isKnown = error instanceof NbakError;
  if (isKnown && (!isChanged || error.code === 'TOKEN_DEAD')) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (!isKnown && typeof code !== 'string') return error;
  const why = isKnown ? error.message : `Writing failed: ${code ?? ''}`;
  return new NbakError('TARGET_FAILED', `The rotation stopped: ${why}`, {
    hint: isChanged
      ? 'Leave the application stopped, remove the cause, and run it again: it goes on with both keys.'
      : 'No token was changed. Remove the cause, then run it again.',
    cause: error,
  });
}
