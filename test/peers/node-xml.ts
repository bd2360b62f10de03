/** Makes the node file of libvirt's test driver (`test:///abs/node.xml`) with any number of domains, each with two disks, two NICs and metadata. */
import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

const METADATA_NAMESPACE = 'https://example.org/estate/1';
const CHUNK = 500;

/** Stable by number: the same estate has the same UUIDs in every run. */
export const domainUuid = (number: number): string => {
  const hex = createHash('sha256').update(`node-xml domain ${number}`).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
};

export const domainName = (number: number): string => `vm-${String(number).padStart(5, '0')}`;

const mac = (number: number, card: number): string => {
  const byte = (shift: number): string => ((number >> shift) & 0xff).toString(16).padStart(2, '0');
  return `52:54:0${card}:${byte(16)}:${byte(8)}:${byte(0)}`;
};

/** Every fourth domain is shut off (run state 5), the others run (1). */
export const isRunning = (number: number): boolean => number % 4 !== 3;

const domainXml = (number: number): string => {
  const name = domainName(number);
  const memoryMiB = 512 * (1 + (number % 8));
  return `<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
<test:runstate>${isRunning(number) ? 1 : 5}</test:runstate>
<name>${name}</name><uuid>${domainUuid(number)}</uuid><title>Machine ${number}</title>
<description>number ${number} of the estate</description>
<metadata><estate:owner xmlns:estate='${METADATA_NAMESPACE}' team='t${number % 17}'><estate:cost>${number % 1000}</estate:cost></estate:owner></metadata>
<memory unit='MiB'>${memoryMiB}</memory><currentMemory unit='MiB'>${memoryMiB}</currentMemory><vcpu>${1 + (number % 4)}</vcpu>
<os><type arch='x86_64'>hvm</type><boot dev='hd'/><boot dev='network'/></os>
<features><acpi/><apic/></features><clock offset='utc'/>
<on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/default-pool/${name}-0.qcow2'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/default-pool/${name}-1.qcow2'/><target dev='vdb' bus='virtio'/></disk>
<interface type='network'><mac address='${mac(number, 0)}'/><source network='default'/><model type='virtio'/></interface>
<interface type='network'><mac address='${mac(number, 1)}'/><source network='storage'/><model type='e1000'/></interface>
<graphics type='vnc' port='-1' listen='127.0.0.1'/><video><model type='vga'/></video>
</devices></domain>
`;
};

const HEAD = `<node>
<cpu><mhz>2400</mhz><model>x86_64</model><nodes>1</nodes><sockets>2</sockets><cores>16</cores><threads>2</threads><active>64</active><memory>536870912</memory></cpu>
<network><name>default</name><bridge name='virbr0'/><forward mode='nat'/><ip address='192.168.122.1' netmask='255.255.255.0'/></network>
<network><name>storage</name><bridge name='virbr1'/><ip address='10.20.0.1' netmask='255.255.0.0'/></network>
<pool type='dir'><name>default-pool</name><target><path>/default-pool</path></target>
`;

const volumeXml = (number: number, disk: number): string =>
  `<volume><name>${domainName(number)}-${disk}.qcow2</name><capacity unit='GiB'>${disk === 0 ? 8 : 20}</capacity><allocation unit='MiB'>64</allocation><target><format type='qcow2'/></target></volume>\n`;

export type NodeXmlOptions = {
  /** A volume in the pool for every disk; off, the pool is empty. */
  readonly volumes?: boolean;
};

/** The file's text in pieces, so that ten thousand domains are never one string. */
export function* nodeXml(domains: number, options: NodeXmlOptions = {}): Generator<string> {
  yield HEAD;
  for (let number = 0; options.volumes === true && number < domains; number += 1) {
    yield volumeXml(number, 0) + volumeXml(number, 1);
  }
  yield '</pool>\n';
  for (let from = 0; from < domains; from += CHUNK) {
    let text = '';
    for (let number = from; number < Math.min(domains, from + CHUNK); number += 1) text += domainXml(number);
    yield text;
  }
  yield '</node>\n';
}

export const writeNodeXml = (path: string, domains: number, options: NodeXmlOptions = {}): void => {
  const file = openSync(path, 'w');
  try {
    for (const piece of nodeXml(domains, options)) writeSync(file, piece);
  } finally {
    closeSync(file);
  }
};
