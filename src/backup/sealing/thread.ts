/** The module that a sealing thread runs. */

import { serve } from '../../threads/serve.js';
import { makeSealing } from './sealing.js';

serve(makeSealing);
