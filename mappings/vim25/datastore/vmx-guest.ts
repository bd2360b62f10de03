/** guestId <-> `guestOS` of a .vmx file: the same names in another spelling (`debian10_64Guest`, `debian10-64`). */
import { enumValues } from '../types.ts';

export const vmxGuestOs = (guestId: string): string =>
  guestId === 'otherGuest64'
    ? 'other-64'
    : guestId
        .replace(/Guest$/, '')
        .replace(/_?64$/, '-64')
        .toLowerCase();

let byWord: Map<string, string> | undefined;

/** undefined: no such system. */
export const guestIdOfVmx = (word: string): string | undefined => {
  if (!byWord) {
    byWord = new Map();
    for (const guestId of enumValues('VirtualMachineGuestOsIdentifier') ?? []) {
      const written = vmxGuestOs(guestId);
      if (!byWord.has(written)) byWord.set(written, guestId);
    }
  }
  return byWord.get(word.toLowerCase());
};

export const isGuestId = (guestId: string): boolean =>
  enumValues('VirtualMachineGuestOsIdentifier')?.has(guestId) ?? false;
