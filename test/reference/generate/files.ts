/** All vector files. */
import { blobFile } from './blob.js';
import { bundleFile } from './bundle.js';
import { cborFile } from './cbor.js';
import { chunkerFile } from './chunker.js';
import type { DraftFile } from './draft.js';
import { fernetFile } from './fernet.js';
import { historyFile } from './history.js';
import { keysFile } from './keys.js';
import { manifestFile } from './manifest.js';
import { indexFile, packFile } from './pack.js';
import { pageFile } from './page.js';
import { pathFile } from './path.js';
import { recordFile } from './record.js';
import { v1File } from './v1.js';

export const VECTOR_FILES: readonly DraftFile[] = [
  keysFile,
  fernetFile,
  blobFile,
  bundleFile,
  packFile,
  indexFile,
  pageFile,
  manifestFile,
  recordFile,
  historyFile,
  cborFile,
  pathFile,
  chunkerFile,
  v1File,
];
