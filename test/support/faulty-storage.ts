/** A storage that fails, crashes, lies or dawdles exactly where a test says, and records what was asked of it. */

import { setTimeout as sleep } from 'node:timers/promises';
import { NbakError, type ErrorCode } from '#nbak/errors.js';
import type {
  ByteRange,
  ForeignEntry,
  ObjectInfo,
  ObjectName,
  ObjectWriter,
  Storage,
} from '#nbak/storage/storage.js';

/** What a storage is asked to do; `write`, `commit` and `abort` are those of a writer. */
export type Operation =
  'put' | 'create' | 'write' | 'commit' | 'abort' | 'get' | 'read' | 'stat' | 'list' | 'delete' | 'freeSpace';

/** What happens. `before` means the operation has no effect, `after` that it has its effect and yet rejects. */
export type Effect =
  | { readonly kind: 'fail'; readonly when: 'before' | 'after'; readonly code?: ErrorCode }
  /** As `fail`, and nothing works from then on, as if the process had been killed; `abort` does nothing. */
  | { readonly kind: 'crash'; readonly when: 'before' | 'after' }
  /** `get`, `read`: bit number `bit` of what is read is inverted (bit 0 is the lowest of the first byte). */
  | { readonly kind: 'flip'; readonly bit: number }
  /** `get`, `read`: only the first `length` bytes are given. */
  | { readonly kind: 'truncate'; readonly length: number }
  | { readonly kind: 'delay'; readonly ms: number };

/** One planned fault. */
export interface Fault {
  /** Which operations count; default every one. */
  readonly on?: readonly Operation[];
  /** Only those on names that begin like this; `create`, `write` and `abort` have the name ''. */
  readonly prefix?: string;
  /** The n-th of those that count, from 1; `every` for all of them. */
  readonly nth: number | 'every';
  readonly effect: Effect;
}

/** An operation as it was asked for. */
export interface RecordedOperation {
  readonly operation: Operation;
  readonly name: string;
}

/** See {@link faultyStorage}. */
export interface FaultyStorage extends Storage {
  /** Everything asked for so far, in order, faults included. */
  readonly operations: readonly RecordedOperation[];
  /** Whether a `crash` has happened. */
  readonly crashed: boolean;
}

/** `inner` with `faults`; without faults it keeps the contract. Deterministic for a sequence of operations. */
export function faultyStorage(inner: Storage, faults: readonly Fault[]): FaultyStorage {
  return new Faulty(inner, faults);
}

class Faulty implements FaultyStorage {
  readonly description: string;
  readonly operations: RecordedOperation[] = [];
  readonly #inner: Storage;
  readonly #plans: { readonly fault: Fault; count: number }[];
  crashed = false;

  constructor(inner: Storage, faults: readonly Fault[]) {
    this.#inner = inner;
    this.description = inner.description;
    this.#plans = faults.map((fault) => ({ fault, count: 0 }));
  }

  put(name: ObjectName, bytes: Uint8Array): Promise<void> {
    return this.#run('put', name, () => this.#inner.put(name, bytes));
  }

  async create(): Promise<ObjectWriter> {
    const writer = await this.#run('create', '', () => this.#inner.create());
    return {
      write: (bytes) => this.#run('write', '', () => writer.write(bytes)),
      commit: (name) => this.#run('commit', name, () => writer.commit(name)),
      abort: async () => {
        if (!this.crashed) await this.#run('abort', '', () => writer.abort());
      },
    };
  }

  async get(name: ObjectName, range?: ByteRange): Promise<Uint8Array> {
    const due: Effect[] = [];
    const bytes = await this.#run('get', name, () => this.#inner.get(name, range), due);
    return due.reduce((given, effect) => damage(given, 0, effect), bytes);
  }

  async *read(name: ObjectName): AsyncGenerator<Uint8Array> {
    const due: Effect[] = [];
    await this.#run('read', name, () => Promise.resolve(), due);
    let offset = 0;
    for await (const bytes of this.#inner.read(name)) {
      const given = due.reduce((part, effect) => damage(part, offset, effect), bytes);
      if (given.length > 0) yield given;
      offset += bytes.length;
    }
  }

  stat(name: ObjectName): Promise<ObjectInfo | undefined> {
    return this.#run('stat', name, () => this.#inner.stat(name));
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    await this.#run('list', prefix, () => Promise.resolve());
    yield* this.#inner.list(prefix);
  }

  async *listForeign(): AsyncGenerator<ForeignEntry> {
    await this.#run('list', '', () => Promise.resolve());
    yield* this.#inner.listForeign();
  }

  delete(name: ObjectName): Promise<void> {
    return this.#run('delete', name, () => this.#inner.delete(name));
  }

  freeSpace(): Promise<number> {
    return this.#run('freeSpace', '', () => {
      return this.#inner.freeSpace?.() ?? Promise.resolve(Number.MAX_SAFE_INTEGER);
    });
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  /** Runs `action` under the effects that are due; what concerns the bytes read is left in `damages`. */
  async #run<T>(
    operation: Operation,
    name: string,
    action: () => Promise<T>,
    damages: Effect[] = [],
  ): Promise<T> {
    this.operations.push({ operation, name });
    if (this.crashed) throw simulated('STORAGE_FAILED', operation, name);
    const due = this.#due(operation, name);
    damages.push(...due);
    for (const effect of due) {
      if (effect.kind === 'delay') await sleep(effect.ms);
      this.#strike(effect, 'before', operation, name);
    }
    const result = await action();
    for (const effect of due) this.#strike(effect, 'after', operation, name);
    return result;
  }

  #due(operation: Operation, name: string): Effect[] {
    return this.#plans.flatMap((plan) => {
      const { on, prefix, nth, effect } = plan.fault;
      if ((on !== undefined && !on.includes(operation)) || !name.startsWith(prefix ?? '')) return [];
      plan.count += 1;
      return nth === 'every' || nth === plan.count ? [effect] : [];
    });
  }

  #strike(effect: Effect, when: 'before' | 'after', operation: Operation, name: string): void {
    if ((effect.kind !== 'fail' && effect.kind !== 'crash') || effect.when !== when) return;
    if (effect.kind === 'crash') this.crashed = true;
    throw simulated(
      effect.kind === 'fail' ? (effect.code ?? 'STORAGE_FAILED') : 'STORAGE_FAILED',
      operation,
      name,
    );
  }
}

function simulated(code: ErrorCode, operation: Operation, name: string): NbakError {
  return new NbakError(code, `Simulated failure of ${operation} ${name}`, {
    details: { operation, object: name },
  });
}

/** `bytes`, which begin at `offset` of what is read, as `effect` leaves them. */
function damage(bytes: Uint8Array, offset: number, effect: Effect): Uint8Array {
  if (effect.kind === 'truncate') return bytes.subarray(0, Math.max(0, effect.length - offset));
  if (effect.kind !== 'flip') return bytes;
  const at = Math.floor(effect.bit / 8) - offset;
  const byte = bytes[at];
  if (byte === undefined) return bytes;
  const damaged = new Uint8Array(bytes);
  damaged[at] = byte ^ (1 << (effect.bit % 8));
  return damaged;
}
