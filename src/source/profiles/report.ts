/** What a profile would do with a real directory, and why: looked at, never opened but for databases' headers. */

import { pathToText, type BytePath } from '../../format/path.js';
import { resolveRoot, sourcePath, type SourceRoot } from '../root.js';
import type { RuledSource } from '../ruled-source.js';
import { excludeRule, type PathRule } from '../rules.js';
import { SIDECAR_SUFFIXES } from '../sqlite/header.js';
import { looksLikeDatabase } from '../sqlite/looks-like-database.js';
import { isReserved } from '../unfinished-restore.js';
import type { SeenEntry } from '../entry.js';
import { walk } from '../walk.js';
import type { AppKeyDeclaration } from './app-keys.js';
import { applyProfiles, type ProfiledSources } from './apply.js';
import { rulesInForce, stateDirectories, type ProfileRequest, type RuleInForce } from './rules-in-force.js';

/** What lies directly in the state directory, with everything below it; its path is absolute outside the directory. */
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
  const [given = ''] = request.sources;
  const directory = pathToText(resolveRoot(given).directory as BytePath);
  const { profile, outside, running, sources } = applyProfiles({ ...request, sources: [given] });
  const reports = sources.map((source) => reportOnSource(source, { ...request, given }));
  return {
    profile,
    directory,
    captured: reports.flatMap(({ captured }) => captured),
    leftOut: reports.flatMap(({ leftOut }) => leftOut),
    secret: reports.flatMap(({ secret }) => secret),
    appKeys: reports.flatMap(({ appKeys }) => appKeys),
    outside,
    running,
    unreadable: reports.flatMap(({ unreadable }) => unreadable),
  };
}

function reportOnSource(source: RuledSource, request: ProfileRequest & { readonly given: string }): Report {
  const root = resolveRoot(source.path);
  const places = stateDirectories(source.path, request);
  const rules = rulesInForce(places, request)
    .filter(({ isOut, isSecret }) => isOut || isSecret)
    .map(({ patterns, isOut, why }) => ({ matches: excludeRule({ patterns }), isOut, why }));
  const shownBelow = source.path === request.given ? '' : `${pathToText(root.directory as BytePath)}/`;
  const below = places.map((place) => place.below).filter((each) => each !== '');
  const report = new Report(root, { rules, below, shownBelow });
  report.look(source.appKeys);
  return report;
}

/** How one source is reported on. */
interface Reporting {
  readonly rules: readonly MatchedRule[];
  /** State directories below the source. */
  readonly below: readonly string[];
  /** Stands before every path. */
  readonly shownBelow: string;
}

class Report {
  readonly leftOut: ReportedRule[] = [];
  readonly secret: ReportedRule[] = [];
  readonly appKeys: string[] = [];
  readonly unreadable: string[] = [];
  readonly #root: SourceRoot;
  readonly #how: Reporting;
  readonly #entries = new Map<string, ReportedEntry>();
  readonly #paths = new Set<string>();
  readonly #sidecars = new Set<string>();

  constructor(root: SourceRoot, how: Reporting) {
    this.#root = root;
    this.#how = how;
  }

  get captured(): readonly ReportedEntry[] {
    return [...this.#entries.values()];
  }

  look(appKeys: readonly AppKeyDeclaration[]): void {
    const seen = walk(this.#root, {
      exclude: (path, isDirectory) => isReserved(path, isDirectory) || this.#isOut(path, isDirectory),
      onProblem: ({ path }) => this.unreadable.push(this.#shown(pathToText(path))),
    });
    for (const entry of seen) if (entry.path !== '') this.#add(entry);
    const files = appKeys.flatMap(({ from }) => from.flatMap((each) => ('file' in each ? [each.file] : [])));
    this.appKeys.push(...files.filter((file) => this.#paths.has(file)).map((file) => this.#shown(file)));
  }

  #shown(path: string): string {
    return this.#how.shownBelow + path;
  }

  #isOut(path: BytePath, isDirectory: boolean): boolean {
    const rule = this.#how.rules.find(({ matches }) => matches(path, isDirectory));
    if (rule === undefined) return false;
    const found = { path: this.#shown(pathToText(path)) + (isDirectory ? '/' : ''), why: rule.why };
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
      path: this.#shown(kind === 'directory' ? `${top}/` : top),
      kind,
      files: files + (entry.kind === 'file' ? 1 : 0),
      databases: databases + (isDatabase ? 1 : 0),
      bytes: bytes + (entry.kind === 'file' ? entry.size : 0),
    });
  }

  /** What lies directly in the SOURCE or in a state directory below it; undefined for the latter itself. */
  #topOf(path: string): string | undefined {
    if (this.#how.below.includes(path)) return undefined;
    const place = this.#how.below.find((each) => path.startsWith(`${each}/`));
    const start = place === undefined ? 0 : place.length + 1;
    const end = path.indexOf('/', start);
    return end < 0 ? path : path.slice(0, end);
  }
}

function kindOf({ kind }: SeenEntry): ReportedEntry['kind'] {
  return kind === 'directory' || kind === 'file' ? kind : 'other';
}
