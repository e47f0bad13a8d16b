/** A thread that opens what its pool sends. */

import { serve } from '../../threads/serve.js';
import { openHandler, type OpenAnswer, type OpenRequest } from './open-task.js';

serve<OpenRequest, OpenAnswer>(openHandler, ({ bytes }) => [bytes.buffer]);
