import { referenceAdapter } from './reference-adapter.js';
import { runVectors } from './run-vectors.js';

runVectors(referenceAdapter);
