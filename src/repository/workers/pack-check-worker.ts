/** A thread of a pack checker without secrets: it loads neither compression nor ciphers. */

import { serve } from '../../threads/serve.js';
import { packCheckHandler } from './pack-check-task.js';

serve(() => packCheckHandler());
