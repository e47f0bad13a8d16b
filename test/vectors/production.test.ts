import { nodeCrypto } from '#nbak/crypto/node.js';
import { portableCrypto } from '#nbak/crypto/portable.js';
import { productionAdapter } from './production-adapter.js';
import { runVectors } from './run-vectors.js';

runVectors(productionAdapter('the program on node:crypto', nodeCrypto));
runVectors(productionAdapter('the program on the portable provider', portableCrypto));
