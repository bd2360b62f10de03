/** The screen of a simulated VM as a binary PPM: bars whose colours tell one VM from another and a mark that moves with the time. */
import { gone, type Procedure, text, took, wrongState } from './state.ts';
import { chance } from './statistics.ts';

const WIDTH = 320;
const HEIGHT = 200;
const BARS = 8;

const screenshot: Procedure = (state, args, nowMs) => {
  const native = text(args, 'vm');
  const record = state.vms.get(native);
  if (!record) return gone(state, 'vm', native);
  if (record.doc.powerState !== 'running') return wrongState(state, 'running', record.doc.powerState);
  const head = new TextEncoder().encode(`P6\n${WIDTH} ${HEIGHT}\n255\n`);
  const bytes = new Uint8Array(head.length + WIDTH * HEIGHT * 3);
  bytes.set(head);
  const bars = Array.from({ length: BARS * 3 }, (_, n) => Math.floor(256 * chance(`${native} ${n}`)));
  const markAt = Math.floor(nowMs / 1000) % WIDTH;
  for (let at = 0; at < WIDTH * HEIGHT; at++) {
    const x = at % WIDTH;
    const bar = Math.floor((x * BARS) / WIDTH) * 3;
    for (let colour = 0; colour < 3; colour++)
      bytes[head.length + at * 3 + colour] = x === markAt ? 255 : (bars[bar + colour] ?? 0);
  }
  return took(state, [], { bytes });
};

export const SCREEN = { 'VM.screenshot': screenshot } satisfies Record<string, Procedure>;
