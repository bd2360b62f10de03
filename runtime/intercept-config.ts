/** The `[intercept]` keys of the configuration: text in; names, addresses and ports out, none of which can be read as anything else in a rule. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { plainAddress } from './host-port.ts';

/** Without a zone: rules know none. */
const isAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes('%');

const isPrefix = (text: string): boolean => {
  const parts = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const base = parts?.[1] ?? '';
  return isAddress(base) && plainAddress(base) === base && Number(parts?.[2] ?? 0) <= (isIP(base) === 4 ? 32 : 128);
};

const port = z.int().min(1).max(65_535);
/** In the form that rules are compared in. */
const address = z.string().max(64).refine(isAddress, 'not an IPv4 or IPv6 address').transform(plainAddress);

const ruleShape = z.strictObject({
  /**
   * redirect: this machine's own addresses; dnat: addresses of other machines whose traffic crosses this one; tproxy: the same, and the
   * listener sees which address was meant.
   */
  mode: z.enum(['redirect', 'dnat', 'tproxy']),
  /** Where clients think they connect. Of redirect: every address of this machine when absent. */
  at: z.array(address).min(1).max(1000).optional(),
  ports: z.array(port).min(1).max(15),
  /** A gate or front by its name, or ADDRESS:PORT, or :PORT of this machine. */
  to: z.string().min(2).max(128),
  /** Of dnat to another machine: its answers come back through this one, and it sees this one as its client. */
  masquerade: z.boolean().default(false),
});

export const interceptName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,30}$/, 'letters, digits, dash and underscore, at most 31');

export const interceptShape = z.strictObject({
  /** The table is called `transvisor_NAME`. */
  name: interceptName.default('main'),
  /** Only what arrives there; everywhere but loopback when empty. */
  interfaces: z
    .array(z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}$/, 'not the name of a network interface'))
    .max(100)
    .default([]),
  /** Clients that reach the host itself: agents on other machines, its own management. */
  except: z
    .array(z.string().max(64).refine(isPrefix, 'not an address or prefix in its short form'))
    .max(1000)
    .default([]),
  /** Of tproxy: one bit of the packet mark and a routing table, both unused by others. */
  mark: z
    .int()
    .min(1)
    .max(0x8000_0000)
    .refine((bit) => Math.log2(bit) % 1 === 0, 'not a single bit')
    .default(0x10_0000),
  table: z.int().min(256).max(0xffff_ffff).default(7443),
  rule: z.array(ruleShape).max(1000).default([]),
});

export type InterceptConfig = z.output<typeof interceptShape>;
export type InterceptRule = InterceptConfig['rule'][number];
