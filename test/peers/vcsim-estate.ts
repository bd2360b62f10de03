/** The fixture of vcsim's ESX model (VMs ha-host_VM0.., datastores LocalDS_0.., network "VM Network") on a private libvirtd: in its test driver or as QEMU guests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireClient, runProgram } from './clients.ts';
import { type Libvirtd, startLibvirtd } from './libvirtd.ts';

export type EstateOptions = {
  readonly driver: 'test' | 'qemu';
  readonly vms: number;
  readonly datastores: number;
  readonly running: boolean;
};

export type Estate = {
  readonly libvirtd: Libvirtd;
  /** For `transvisor up --host`. */
  readonly uri: string;
  readonly stop: () => Promise<void>;
};

const READY = 'estate-is-ready';
const START_LIMIT_MS = 60_000;

const domain = (driver: EstateOptions['driver'], name: string, source: string): string => `<domain type='${driver}'>
<name>${name}</name><memory unit='MiB'>32</memory><vcpu>1</vcpu>
<os><type arch='x86_64'${driver === 'qemu' ? " machine='pc'" : ''}>hvm</type><boot dev='hd'/></os><features><acpi/></features>
<devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='${source}'/><target dev='sda' bus='scsi'/></disk>
<controller type='scsi' model='${driver === 'qemu' ? 'virtio-scsi' : 'lsilogic'}'/>
<interface type='network'><source network='VM Network'/><model type='e1000'/></interface>
${driver === 'qemu' ? "<controller type='usb' model='none'/><memballoon model='none'/>" : ''}
<graphics type='vnc' port='-1' listen='127.0.0.1'/><video><model type='vga'/></video>
</devices></domain>
`;

const volume = (name: string): string =>
  `<volume><name>${name}</name><capacity unit='MiB'>10</capacity><target><format type='qcow2'/></target></volume>\n`;

/** The state of `test:///default` is shared by its connections and lost with the last one: this virsh keeps it. */
const holder = async (uri: string, script: readonly string[]): Promise<ChildProcess> => {
  const child = spawn(requireClient('virsh'), ['-c', uri], { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin?.on('error', () => {}); // it ended first: told below
  let says = '';
  await new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the estate is not ready in time: ${says}`)), START_LIMIT_MS);
    const note = (chunk: Buffer): void => {
      says = (says + chunk.toString('utf8')).slice(-4096);
      if (!says.includes(`\n${READY}`)) return;
      clearTimeout(late);
      resolve();
    };
    child.stdout?.on('data', note);
    child.stderr?.on('data', note);
    child.once('exit', () => reject(new Error(`virsh ended: ${says}`)));
    child.stdin?.write(`${script.join('\n')}\necho '${READY}'\n`);
  });
  const wrong = /^error: .*/m.exec(says);
  if (wrong !== null) {
    child.kill('SIGKILL');
    throw new Error(`the estate could not be made: ${wrong[0]}`);
  }
  return child;
};

/** A bridge of our own: a guest's NIC on a network without one does not start. */
export const makeBridge = async (): Promise<{ name: string; remove: () => Promise<void> }> => {
  const name = `tv${process.pid}`.slice(0, 15);
  const { code, stderr } = await runProgram('ip', ['link', 'add', name, 'type', 'bridge']);
  if (code !== 0 && !/exists/.test(stderr)) throw new Error(`no bridge could be made: ${stderr.trim()}`);
  return { name, remove: async () => void (await runProgram('ip', ['link', 'delete', name])) };
};

/** Two daemons of one machine may reach for the same VNC port or tap device at once: the later one tries again. */
const startGuest = async (libvirtd: Libvirtd, uri: string, name: string): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    const { code, stderr } = await libvirtd.virshResult(['start', name], uri);
    if (code === 0) return;
    if (attempt === 5) throw new Error(`${name} does not start: ${stderr.trim()}`);
    await new Promise((resolve) => setTimeout(resolve, 100 * attempt));
  }
};

export const makeEstate = async (options: EstateOptions): Promise<Estate> => {
  const real = options.driver === 'qemu';
  const libvirtd = await startLibvirtd(real ? { qemu: true } : {});
  const closers: (() => Promise<void>)[] = [libvirtd.stop];
  const stop = async (): Promise<void> => {
    for (const close of closers.toReversed()) await close();
  };
  try {
    const bridge = real ? await makeBridge() : { name: 'br-none', remove: async () => {} };
    closers.unshift(bridge.remove);
    const file = (name: string, text: string): string => {
      const path = join(libvirtd.root, name);
      writeFileSync(path, text);
      return path;
    };
    const script: string[] = real
      ? ['net-destroy lan', 'net-undefine lan', 'pool-destroy default', 'pool-undefine default']
      : [
          'destroy test',
          'undefine test',
          'net-destroy default',
          'net-undefine default',
          'pool-destroy default-pool',
          'pool-undefine default-pool',
        ];
    const net = `<network><name>VM Network</name><forward mode='bridge'/><bridge name='${bridge.name}'/></network>`;
    script.push(`net-define ${file('net.xml', net)}`, "net-start 'VM Network'");
    for (let n = 0; n < options.datastores; n += 1) {
      const folder = join(libvirtd.root, `LocalDS_${n}`);
      mkdirSync(folder, { recursive: true });
      const pool = `<pool type='dir'><name>LocalDS_${n}</name><target><path>${folder}</path></target></pool>`;
      script.push(`pool-define ${file(`pool-${n}.xml`, pool)}`, `pool-start LocalDS_${n}`);
    }
    for (let n = 0; n < options.vms; n += 1) {
      const name = `ha-host_VM${n}`;
      const disk = `${name}%2fdisk1.vmdk`;
      script.push(`vol-create LocalDS_0 ${file(`vol-${n}.xml`, volume(disk))}`);
      script.push(
        `define ${file(`vm-${n}.xml`, domain(options.driver, name, join(libvirtd.root, 'LocalDS_0', disk)))}`,
      );
    }
    const uri = real ? libvirtd.qemuUri : libvirtd.testUri();
    const child = await holder(uri, script);
    closers.push(async () => void child.kill('SIGKILL'));
    for (let n = 0; options.running && n < options.vms; n += 1) await startGuest(libvirtd, uri, `ha-host_VM${n}`);
    return { libvirtd, uri, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
