/** What a format of other programs is: how one is recognised and becomes files to back up, and how one is written. */

import type { ChaosCypherWish } from './chaos-cypher/export.js';
import type { Profile } from '../source/profiles/profile.js';
import type { ExportResult, ExportTask } from './export.js';
import type { OdysseusWish } from './odysseus/export.js';
import type { StagedState, StagingTask } from './staging.js';
import type { V1ExportWish } from './v1/export.js';

/** The names of all formats; each can be read. */
export type FormatName = 'v1' | 'chaos-cypher' | 'odysseus-json' | 'odysseus-tar';

/** What is looked at to tell which format something is. */
export interface SourceLook {
  /** Absolute, without links. */
  readonly path: string;
  readonly isDirectory: boolean;
  /** The first bytes of a file, none of a directory. */
  readonly start: Uint8Array;
}

/** What the user says about an export; each format takes what concerns it. */
export type ExportWish = V1ExportWish & ChaosCypherWish & OdysseusWish;

/** A row of the table. */
export interface ForeignFormat {
  readonly name: FormatName;
  /** The profile of the application whose state it holds. */
  readonly profile: Profile;
  readonly recognises: (look: SourceLook) => boolean;
  /** Writes its files, checked, to the staged directory. @throws NbakError what is wrong with the source (§32). */
  readonly stage: (task: StagingTask) => Promise<StagedState>;
  /** Writes a backup in this format (§33); absent where none is written. */
  readonly write?: (task: ExportTask, wish: ExportWish) => Promise<ExportResult>;
}
