/** What a profile would do with a real directory, and why: looked at, never opened but for databases' headers. */

import { pathToText, type BytePath } from '../../format/path.js';
import { resolveRoot, sourcePath, type SourceRoot } from '../root.js';
import { excludeRule, type PathRule } from '../rules.js';
import { SIDECAR_SUFFIXES } from '../sqlite/header.js';
import { looksLikeDatabase } from '../sqlite/looks-like-database.js';
import { isReserved } from '../unfinished-restore.js';
import { walk, type SeenEntry } from '../walk.js';
import { applyProfiles, type ProfiledSources } from './apply.js';
import { rulesInForce, stateDirectories, type ProfileRequest, type RuleInForce } from './rules-in-force.js';

/** What lies directly in the state directory, with everything below it. */
export interface ReportedEntry {
  readonly path: string;
  readonly kind: 'directory' | 'database' | 'file' | 'other';
  readonly files: number;
  readonly databases: number;
  readonly bytes: number;
}

/** A path that a rule matches. */
export interface ReportedRule {
  readonly path: string;
  readonly why: string;
}

/** What would become of a directory. */
export interface ProfileReport extends Pick<ProfiledSources, 'profile' | 'outside' | 'running'> {
  readonly directory: string;
  readonly captured: readonly ReportedEntry[];
  readonly leftOut: readonly ReportedRule[];
  /** Captured, and to be kept from others. */
  readonly secret: readonly ReportedRule[];
  /** The files of app keys that are there. */
  readonly appKeys: readonly string[];
  readonly unreadable: readonly string[];
}

interface MatchedRule extends Pick<RuleInForce, 'isOut' | 'why'> {
  readonly matches: PathRule;
}

/**
 * Says what a backup of `request.sources[0]` would capture and leave out.
 *
 * @throws NbakError `SOURCE_NOT_FOUND`, `SOURCE_UNREADABLE`.
 */
export function reportOn(request: ProfileRequest): ProfileReport {
  const [source = ''] = request.sources;
  const root = resolveRoot(source);
  const applied = applyProfiles(request);
  const places = stateDirectories(source, request);
  const rules = rulesInForce(places, request)
    .filter(({ isOut, isSecret }) => isOut || isSecret)
    .map(({ patterns, isOut, why }) => ({ matches: excludeRule({ patterns }), isOut, why }));
  const report = new Report(
    root,
    rules,
    places.map(({ below }) => below).filter((below) => below !== ''),
  );
  report.look();
  const { profile, outside, running, sources } = applied;
  const appKeys = (sources[0]?.appKeys ?? []).flatMap(({ from }) =>
    from.flatMap((each) => ('file' in each && report.has(each.file) ? [each.file] : [])),
  );
  const { leftOut, secret, unreadable } = report;
  return {
    profile,
    directory: Buffer.from(root.directory, 'latin1').toString(),
    captured: report.captured,
    leftOut,
    secret,
    appKeys,
    outside,
    running,
    unreadable,
  };
}

class Report {
  readonly leftOut: ReportedRule[] = [];
  readonly secret: ReportedRule[] = [];
  readonly unreadable: string[] = [];
  readonly #root: SourceRoot;
  readonly #rules: readonly MatchedRule[];
  readonly #below: readonly string[];
  readonly #entries = new Map<string, ReportedEntry>();
  readonly #paths = new Set<string>();
  readonly #sidecars = new Set<string>();

  constructor(root: SourceRoot, rules: readonly MatchedRule[], below: readonly string[]) {
    this.#root = root;
    this.#rules = rules;
    this.#below = below;
  }

  get captured(): readonly ReportedEntry[] {
    return [...this.#entries.values()];
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  look(): void {
    const seen = walk(this.#root, {
      exclude: (path, isDirectory) => isReserved(path, isDirectory) || this.#isOut(path, isDirectory),
      onProblem: ({ path }) => this.unreadable.push(pathToText(path)),
    });
    for (const entry of seen) if (entry.path !== '') this.#add(entry);
  }

  #isOut(path: BytePath, isDirectory: boolean): boolean {
    const rule = this.#rules.find(({ matches }) => matches(path, isDirectory));
    if (rule === undefined) return false;
    const found = { path: pathToText(path) + (isDirectory ? '/' : ''), why: rule.why };
    if (rule.isOut) {
      this.leftOut.push(found);
      return true;
    }
    // Of a directory that is secret, what is in it is not named again.
    const last = this.secret.at(-1);
    if (last?.path.endsWith('/') !== true || !found.path.startsWith(last.path)) this.secret.push(found);
    return false;
  }

  #add(entry: SeenEntry): void {
    const path = pathToText(entry.path);
    this.#paths.add(path);
    // They are captured with their database, as one.
    if (this.#sidecars.has(path)) return;
    const isDatabase = entry.kind === 'file' && looksLikeDatabase(entry, sourcePath(this.#root, entry.path));
    if (isDatabase) for (const suffix of SIDECAR_SUFFIXES) this.#sidecars.add(path + suffix);
    const top = this.#topOf(path);
    if (top === undefined) return;
    const { kind, files, databases, bytes } = this.#entries.get(top) ?? {
      kind: isDatabase ? ('database' as const) : kindOf(entry),
      files: 0,
      databases: 0,
      bytes: 0,
    };
    this.#entries.set(top, {
      path: kind === 'directory' ? `${top}/` : top,
      kind,
      files: files + (entry.kind === 'file' ? 1 : 0),
      databases: databases + (isDatabase ? 1 : 0),
      bytes: bytes + (entry.kind === 'file' ? entry.size : 0),
    });
  }

  /** What lies directly in the SOURCE or in a state directory below it; undefined for the latter itself. */
  #topOf(path: string): string | undefined {
    if (this.#below.includes(path)) return undefined;
    const place = this.#below.find((each) => path.startsWith(`${each}/`));
    const start = place === undefined ? 0 : place.length + 1;
    const end = path.indexOf('/', start);
    return end < 0 ? path : path.slice(0, end);
  }
}

function kindOf({ kind }: SeenEntry): ReportedEntry['kind'] {
  return kind === 'directory' || kind === 'file' ? kind : 'other';
}
