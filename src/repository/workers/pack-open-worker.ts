/** A thread of a pack checker with secrets. */

import { serve } from '../../threads/serve.js';
import type { BlobSecrets } from '../blob-crypto.js';
import { frameOpener } from '../frame-opener.js';
import { packCheckHandler } from './pack-check-task.js';
import { nodeCrypto } from '../../crypto/node.js';

serve((secrets: BlobSecrets) => packCheckHandler(frameOpener(nodeCrypto, secrets)));
