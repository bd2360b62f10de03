/**
 * The smallest guest that behaves: a boot sector of our own, assembled here, that prints GUEST-READY on COM1, echoes what
 * arrives there, powers off on the ACPI power button, and sleeps in between so that an emulated CPU costs nothing.
 */
import { writeFileSync } from 'node:fs';

type Byte = number | { readonly jump: string } | { readonly address: string };
type Row = readonly [label: string, bytes: readonly Byte[], says: string];

const ORIGIN = 0x7c00;
const SECTOR = 512;
const DISK_BYTES = 1024 * 1024;
export const READY_TEXT = 'GUEST-READY';

/**
 * PIIX4 power management as the BIOS of machine `pc` places it (ACPI 6.5, section 4.8.3): base 0x600; PM1 status +0, enable +2
 * (bit 8: power button), control +4 (SLP_EN is bit 13; sleep type 0 is S5 there).
 */
const PROGRAM: readonly Row[] = [
  ['start', [0xfa], 'cli'],
  ['', [0x31, 0xc0], 'xor ax, ax'],
  ['', [0x8e, 0xd8], 'mov ds, ax'],
  ['', [0x8e, 0xd0], 'mov ss, ax'],
  ['', [0xbc, 0x00, 0x7c], 'mov sp, 0x7c00'],
  ['', [0xfb], 'sti'],
  ['', [0xfc], 'cld'],
  ['', [0xb8, 0xe3, 0x00], 'mov ax, 0x00e3    ; serial: initialise, 9600 8N1'],
  ['', [0x31, 0xd2], 'xor dx, dx        ; COM1'],
  ['', [0xcd, 0x14], 'int 0x14'],
  ['', [0xba, 0x02, 0x06], 'mov dx, 0x602     ; PM1 enable'],
  ['', [0xb8, 0x00, 0x01], 'mov ax, 0x0100    ; the power button'],
  ['', [0xef], 'out dx, ax'],
  ['', [0xbe, { address: 'text' }], 'mov si, text'],
  ['print', [0xac], 'lodsb'],
  ['', [0x84, 0xc0], 'test al, al'],
  ['', [0x74, { jump: 'idle' }], 'jz idle'],
  ['', [0xb4, 0x01], 'mov ah, 1         ; serial: send al'],
  ['', [0x31, 0xd2], 'xor dx, dx'],
  ['', [0xcd, 0x14], 'int 0x14'],
  ['', [0xeb, { jump: 'print' }], 'jmp print'],
  ['idle', [0xba, 0x00, 0x06], 'mov dx, 0x600     ; PM1 status'],
  ['', [0xed], 'in ax, dx'],
  ['', [0xf6, 0xc4, 0x01], 'test ah, 1        ; power button pressed?'],
  ['', [0x75, { jump: 'off' }], 'jnz off'],
  ['', [0xba, 0xfd, 0x03], 'mov dx, 0x3fd     ; line status of COM1'],
  ['', [0xec], 'in al, dx'],
  ['', [0x3c, 0xff], 'cmp al, 0xff      ; no such port'],
  ['', [0x74, { jump: 'sleep' }], 'je sleep'],
  ['', [0xa8, 0x01], 'test al, 1        ; a byte waits?'],
  ['', [0x74, { jump: 'sleep' }], 'jz sleep'],
  ['', [0xba, 0xf8, 0x03], 'mov dx, 0x3f8'],
  ['', [0xec], 'in al, dx'],
  ['', [0xb4, 0x01], 'mov ah, 1'],
  ['', [0x31, 0xd2], 'xor dx, dx'],
  ['', [0xcd, 0x14], 'int 0x14'],
  ['', [0xeb, { jump: 'idle' }], 'jmp idle'],
  ['sleep', [0xf4], 'hlt               ; until the timer ticks, 18.2 times a second'],
  ['', [0xeb, { jump: 'idle' }], 'jmp idle'],
  ['off', [0xba, 0x04, 0x06], 'mov dx, 0x604     ; PM1 control'],
  ['', [0xb8, 0x00, 0x20], 'mov ax, 0x2000    ; SLP_EN, sleep type 0'],
  ['', [0xef], 'out dx, ax'],
  ['dead', [0xf4], 'hlt'],
  ['', [0xeb, { jump: 'dead' }], 'jmp dead'],
  ['text', [...Buffer.from(`${READY_TEXT}\r\n\0`, 'ascii')], 'the text'],
];

const sizeOf = (byte: Byte): number => (typeof byte === 'object' && 'address' in byte ? 2 : 1);

/** The 512 bytes: the program, zeros, and the signature that makes a BIOS boot it. */
export const bootSector = (): Uint8Array => {
  const labels = new Map<string, number>();
  let at = 0;
  for (const [label, bytes] of PROGRAM) {
    if (label !== '') labels.set(label, at);
    for (const byte of bytes) at += sizeOf(byte);
  }
  if (at > SECTOR - 2) throw new Error(`the boot program has ${at} bytes`);
  const offsetOf = (label: string): number => {
    const offset = labels.get(label);
    if (offset === undefined) throw new Error(`no label ${label}`);
    return offset;
  };
  const sector = Buffer.alloc(SECTOR);
  at = 0;
  for (const [, bytes] of PROGRAM) {
    for (const byte of bytes) {
      if (typeof byte === 'number') sector[at] = byte;
      else if ('jump' in byte) sector.writeInt8(offsetOf(byte.jump) - (at + 1), at);
      else sector.writeUInt16LE(ORIGIN + offsetOf(byte.address), at);
      at += sizeOf(byte);
    }
  }
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
};

/** Writes a raw disk of 1 MiB that boots it. Each running guest needs a file of its own: QEMU locks it. */
export const writeBootDisk = (path: string): void => {
  const disk = Buffer.alloc(DISK_BYTES);
  disk.set(bootSector());
  writeFileSync(path, disk);
};

export type BootGuest = {
  readonly name: string;
  readonly uuid?: string;
  readonly disk: string;
  /** Where QEMU writes what the guest says on COM1. */
  readonly serialLog: string;
  readonly memoryMiB?: number;
};

/** Domain XML of a guest that boots such a disk under TCG, with a VGA screen on VNC for screenshots. */
export const bootGuestXml = ({
  name,
  uuid,
  disk,
  serialLog,
  memoryMiB = 16,
}: BootGuest): string => `<domain type='qemu'>
  <name>${name}</name>${uuid === undefined ? '' : `\n  <uuid>${uuid}</uuid>`}
  <memory unit='MiB'>${memoryMiB}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${disk}'/><target dev='hda' bus='ide'/></disk>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='${serialLog}'/><target port='0'/></serial>
    <graphics type='vnc' port='-1' listen='127.0.0.1'/>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
  </devices>
</domain>
`;
