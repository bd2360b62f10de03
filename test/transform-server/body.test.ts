/** Streamed bodies: the bytes of all pieces arrive in order, whatever their sizes, with one chunk in flight and nothing shown that is not durable. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBody } from '../../transform-server/exchanges/body.ts';

const gather = (): { sent: Buffer[]; send: (bytes: Uint8Array) => Promise<void> } => {
  const sent: Buffer[] = [];
  return {
    sent,
    send: (bytes) => {
      sent.push(Buffer.from(bytes));
      return Promise.resolve();
    },
  };
};

test('any text in any pieces is its UTF-8 bytes', async () => {
  const unit = fc.constantFrom('a', '<', 'é', '漢', '😀', '\ud83d', '\ude00');
  const piece = fc.tuple(unit, unit, fc.nat(90_000)).map(([a, b, count]) => a.repeat(count) + b);
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 14 }), async (pieces) => {
      const { sent, send } = gather();
      const body = createBody(send, () => Promise.resolve());
      for (const one of pieces) await body.write(one);
      await body.end();
      const whole = Buffer.from(pieces.join(''), 'utf8');
      expect(Buffer.concat(sent).equals(whole)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('one chunk is in flight, and each waits until what it shows is durable', async () => {
  const steps: string[] = [];
  let land = (): void => {};
  const body = createBody(
    () => {
      steps.push('sent');
      return new Promise((resolve) => {
        land = () => {
          steps.push('landed');
          land = () => {};
          resolve();
        };
      });
    },
    async () => {
      steps.push('durable');
    },
  );
  const writing = (async () => {
    await body.write('x'.repeat(300_000));
    await body.write('y'.repeat(300_000));
    await body.end();
  })();
  for (let n = 0; n < 4; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    land();
  }
  await writing;
  expect(steps).toEqual(['durable', 'sent', 'durable', 'landed', 'sent', 'durable', 'landed', 'sent', 'landed']);
});

test('a chunk that cannot be sent fails the write or the end that waits for it', async () => {
  const body = createBody(
    () => Promise.reject(new Error('the link is down')),
    () => Promise.resolve(),
  );
  await expect(
    (async () => {
      await body.write('x'.repeat(300_000));
      await body.end();
    })(),
  ).rejects.toThrow('the link is down');
});
