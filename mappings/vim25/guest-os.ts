/** Operating systems: the hub's libosinfo short id to vim25 guestId and back, and the names people read. */

import { table } from '../generic/table.ts';
import { twoWay } from '../generic/two-way.ts';

/** guestId -> [full name, family], as `GuestOsDescriptor` has them (vSphere API, VirtualMachineGuestOsIdentifier). */
export const GUESTS = table<
  readonly [string, 'linuxGuest' | 'windowsGuest' | 'otherGuestFamily' | 'solarisGuest' | 'darwinGuestFamily']
>({
  asianux7_64Guest: ['Asianux Server 7 (64-bit)', 'linuxGuest'],
  centos6_64Guest: ['CentOS 6 (64-bit)', 'linuxGuest'],
  centos7_64Guest: ['CentOS 7 (64-bit)', 'linuxGuest'],
  centos64Guest: ['CentOS 4/5 or later (64-bit)', 'linuxGuest'],
  coreos64Guest: ['CoreOS Linux (64-bit)', 'linuxGuest'],
  debian7_64Guest: ['Debian GNU/Linux 7 (64-bit)', 'linuxGuest'],
  debian8_64Guest: ['Debian GNU/Linux 8 (64-bit)', 'linuxGuest'],
  debian9_64Guest: ['Debian GNU/Linux 9 (64-bit)', 'linuxGuest'],
  debian10_64Guest: ['Debian GNU/Linux 10 (64-bit)', 'linuxGuest'],
  debian10Guest: ['Debian GNU/Linux 10 (32-bit)', 'linuxGuest'],
  dosGuest: ['Microsoft MS-DOS', 'otherGuestFamily'],
  fedora64Guest: ['Fedora (64-bit)', 'linuxGuest'],
  fedoraGuest: ['Fedora (32-bit)', 'linuxGuest'],
  freebsd64Guest: ['FreeBSD (64-bit)', 'otherGuestFamily'],
  freebsdGuest: ['FreeBSD (32-bit)', 'otherGuestFamily'],
  opensuse64Guest: ['SUSE openSUSE (64-bit)', 'linuxGuest'],
  oracleLinux7_64Guest: ['Oracle Linux 7 (64-bit)', 'linuxGuest'],
  other26xLinux64Guest: ['Other 2.6.x Linux (64-bit)', 'linuxGuest'],
  other3xLinux64Guest: ['Other 3.x or later Linux (64-bit)', 'linuxGuest'],
  other3xLinuxGuest: ['Other 3.x or later Linux (32-bit)', 'linuxGuest'],
  otherGuest: ['Other (32-bit)', 'otherGuestFamily'],
  otherGuest64: ['Other (64-bit)', 'otherGuestFamily'],
  otherLinux64Guest: ['Other Linux (64-bit)', 'linuxGuest'],
  otherLinuxGuest: ['Other Linux (32-bit)', 'linuxGuest'],
  rhel6_64Guest: ['Red Hat Enterprise Linux 6 (64-bit)', 'linuxGuest'],
  rhel7_64Guest: ['Red Hat Enterprise Linux 7 (64-bit)', 'linuxGuest'],
  sles11_64Guest: ['SUSE Linux Enterprise 11 (64-bit)', 'linuxGuest'],
  sles12_64Guest: ['SUSE Linux Enterprise 12 (64-bit)', 'linuxGuest'],
  solaris11_64Guest: ['Oracle Solaris 11 (64-bit)', 'solarisGuest'],
  ubuntu64Guest: ['Ubuntu Linux (64-bit)', 'linuxGuest'],
  ubuntuGuest: ['Ubuntu Linux (32-bit)', 'linuxGuest'],
  vmkernel65Guest: ['VMware ESXi 6.5 or later', 'otherGuestFamily'],
  windows7_64Guest: ['Microsoft Windows 7 (64-bit)', 'windowsGuest'],
  windows7Server64Guest: ['Microsoft Windows Server 2008 R2 (64-bit)', 'windowsGuest'],
  windows8_64Guest: ['Microsoft Windows 8.x (64-bit)', 'windowsGuest'],
  windows8Server64Guest: ['Microsoft Windows Server 2012 (64-bit)', 'windowsGuest'],
  windows9_64Guest: ['Microsoft Windows 10 (64-bit)', 'windowsGuest'],
  windows9Guest: ['Microsoft Windows 10 (32-bit)', 'windowsGuest'],
  windows9Server64Guest: ['Microsoft Windows Server 2016 or later (64-bit)', 'windowsGuest'],
});

/** libosinfo short id <-> guestId; many ids share one guestId on the way in. */
export const guestOs = twoWay<string, string>(
  [
    ['centos7_64Guest', 'centos7.0'],
    ['debian8_64Guest', 'debian8'],
    ['debian9_64Guest', 'debian9'],
    ['debian10_64Guest', 'debian10'],
    ['fedora64Guest', 'fedora-unknown'],
    ['freebsd64Guest', 'freebsd12.0'],
    ['opensuse64Guest', 'opensuse15.0'],
    ['oracleLinux7_64Guest', 'ol7.0'],
    ['rhel6_64Guest', 'rhel6.0'],
    ['rhel7_64Guest', 'rhel7.0'],
    ['sles12_64Guest', 'sles12'],
    ['ubuntu64Guest', 'ubuntu18.04'],
    ['windows7_64Guest', 'win7'],
    ['windows8_64Guest', 'win8'],
    ['windows8Server64Guest', 'win2k12'],
    ['windows9_64Guest', 'win10'],
    ['windows9Server64Guest', 'win2k16'],
  ],
  {},
);

/** By the family a short id begins with, for versions newer than the table. */
const PREFIXES: readonly (readonly [string, string, string])[] = [
  ['debian', 'debian10_64Guest', 'debian10Guest'],
  ['ubuntu', 'ubuntu64Guest', 'ubuntuGuest'],
  ['fedora', 'fedora64Guest', 'fedoraGuest'],
  ['centos', 'centos7_64Guest', 'centos7_64Guest'],
  ['rhel', 'rhel7_64Guest', 'rhel7_64Guest'],
  ['almalinux', 'rhel7_64Guest', 'rhel7_64Guest'],
  ['rocky', 'rhel7_64Guest', 'rhel7_64Guest'],
  ['ol', 'oracleLinux7_64Guest', 'oracleLinux7_64Guest'],
  ['sle', 'sles12_64Guest', 'sles12_64Guest'],
  ['opensuse', 'opensuse64Guest', 'opensuse64Guest'],
  ['freebsd', 'freebsd64Guest', 'freebsdGuest'],
  ['win2k', 'windows9Server64Guest', 'windows9Server64Guest'],
  ['win', 'windows9_64Guest', 'windows9Guest'],
];

/** The guestId to show for a VM. */
export const guestIdOf = (osId: string, bits: 32 | 64): string => {
  const exact = guestOs.fromGeneric(osId);
  if (exact) return exact;
  const family = PREFIXES.find(([prefix]) => osId !== '' && osId.startsWith(prefix));
  if (family) return bits === 64 ? family[1] : family[2];
  return bits === 64 ? 'otherGuest64' : 'otherGuest';
};

export const guestFullName = (guestId: string): string => GUESTS[guestId]?.[0] ?? guestId;
export const guestBits = (guestId: string): 32 | 64 => (/64/.test(guestId) ? 64 : 32);
