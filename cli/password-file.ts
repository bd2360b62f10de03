/** The path of a password file in, the password out; what stands in the way ends the program with a code of its own. */
import { readSecretFile, type Secret } from '../runtime/secret.ts';
import { Unavailable } from './exit-codes.ts';

export const readPassword = (path: string): Secret => {
  try {
    return readSecretFile(path);
  } catch (error) {
    throw new Unavailable(`password file: ${error instanceof Error ? error.message : String(error)}`);
  }
};
