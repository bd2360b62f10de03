/** A program that fills a state directory, says what it committed, and is then killed without warning. */
import { createOwn } from '../../transform-server/own/own.ts';
import { listAll, openMemory, vm } from './memory.ts';

const memory = openMemory(process.argv[2] ?? '');
const own = createOwn(memory.storage);
listAll(memory, [vm('u1', 'alpha|p/a|m1||'), vm('u2', 'beta')]);
const view = memory.store.view('f');
const first = view.find(memory.host, 'vm', 'u1');
if (first === undefined) throw new Error('not listed');
own.put('names', 'a', { kept: true });
const disk = view.owned(first.id, 'disk', 'p/a');
await memory.storage.flush();
process.stdout.write(
  `${JSON.stringify({ vm: first.id, version: first.version, disk, current: memory.versions.current, epoch: memory.versions.epoch })}\n`,
);
// Not flushed: it may be lost, what was said above may not.
view.owned(first.id, 'nic', 'm1');
process.kill(process.pid, 'SIGKILL');
