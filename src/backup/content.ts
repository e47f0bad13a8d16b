/** The pieces of a file's content, as writers pass them on. */

import type { RememberedPiece } from '../repository/catalog-files.js';

/** A piece of a file's content (§10.5). */
export type ContentPiece = RememberedPiece;
