/** The thread of a restore: does write jobs. */

import { serve } from '../threads/serve.js';
import { writeHandler } from './write-handler.js';

serve(writeHandler);
