// libvirt connection URIs in (`qemu+tcp://host/system`, `test+unix:///default?socket=/path`), endpoint and the name to send out.
import { fault, type Outcome, refused } from '../generic/faults.ts';
import type { Endpoint } from '../generic/platform.ts';

export type LibvirtUri = {
  readonly endpoint: Endpoint;
  /** The URI for CONNECT_OPEN: without host and transport. */
  readonly name: string;
  readonly driver: string;
};

export const SCHEMES = ['qemu', 'test'] as const;

const SYSTEM_SOCKET = '/run/libvirt/libvirt-sock';
const TCP_PORT = 16_509;
const UNIX_PATH_MAX_BYTES = 107;

const no = (text: string): Outcome<never> => refused(fault('invalid-argument', { property: 'host' }, text));

export const parseUri = (text: string): Outcome<LibvirtUri> => {
  const head = /^([a-z]+)(?:\+([a-z]+))?:\/\//.exec(text);
  const url = head && text.length <= 2048 ? URL.parse(text) : null;
  if (!head || !url) return no(`"${text.slice(0, 200)}" is not a libvirt URI such as qemu:///system`);
  const driver = head[1] ?? '';
  const transport = head[2] ?? (url.hostname === '' ? 'unix' : 'tls');
  if (!(SCHEMES as readonly string[]).includes(driver)) return no(`libvirt driver "${driver}" is not supported`);
  if (url.username || url.password) return no('a libvirt URI here carries no user: the transports take none');
  if (url.hash) return no('a libvirt URI has no fragment');
  let path: string;
  try {
    path = decodeURIComponent(url.pathname);
  } catch {
    return no('the path of the URI is not well-formed');
  }
  if (path === '' || path === '/')
    return no(`${driver} URIs need a path: ${driver}:///${driver === 'test' ? 'default' : 'system'}`);
  if (driver === 'qemu' && path !== '/system' && path !== '/session')
    return no(`qemu has /system and /session, not ${path}`);
  if (path.includes('\0')) return no('the path of the URI is not well-formed');

  const unknown = [...url.searchParams.keys()].find((key) => key !== 'socket');
  if (unknown !== undefined) return no(`libvirt URI parameter "${unknown.slice(0, 60)}" is not supported`);
  const socket = url.searchParams.get('socket');
  // libvirt's test driver takes the path as it is in the URI.
  const name = `${driver}://${url.pathname}`;

  switch (transport) {
    case 'unix': {
      if (url.hostname !== '') return no('a unix transport takes no host name');
      if (socket === null && path === '/session')
        return no('qemu:///session needs ?socket=/path of the session daemon');
      const at = socket ?? SYSTEM_SOCKET;
      if (!at.startsWith('/') || at.includes('\0') || Buffer.byteLength(at) > UNIX_PATH_MAX_BYTES) {
        return no(`socket must be an absolute path of at most ${UNIX_PATH_MAX_BYTES} bytes`);
      }
      return { ok: true, value: { endpoint: { kind: 'unix', path: at }, name, driver } };
    }
    case 'tcp': {
      if (url.hostname === '') return no('a tcp transport needs a host name');
      if (socket !== null) return no('socket goes with the unix transport only');
      // An IPv6 address loses its brackets here: sockets want it bare.
      const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
      const port = url.port === '' ? TCP_PORT : Number(url.port);
      if (port === 0) return no('port 0 cannot be connected to');
      return { ok: true, value: { endpoint: { kind: 'tcp', host, port }, name, driver } };
    }
    case 'tls':
    case 'ssh':
    case 'libssh':
    case 'libssh2':
    case 'ext':
      return refused(
        fault('not-supported', {}, `libvirt transport "${transport}" is not supported yet: use +unix or +tcp`),
      );
    default:
      return no(`libvirt transport "${transport}" is not known`);
  }
};
