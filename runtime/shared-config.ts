/** The part of the configuration by which a transform server is one of several: where the state is that they share, and how the others reach it. */
import { z } from 'zod';

const path = z.string().min(1).max(4096);
const place = z.string().min(1).max(2048);

/** `[redis]`: one server by `url`, Sentinels by `sentinels` and `name`, or a cluster by some of its nodes. */
export const redisShape = z
  .strictObject({
    url: place.optional(),
    sentinels: z.array(place).min(1).max(100).optional(),
    /** What the Sentinels call the master. */
    name: z.string().min(1).max(255).optional(),
    cluster: z.array(place).min(1).max(100).optional(),
    /** Of every key: deployments that share a Redis have each their own. */
    prefix: z
      .string()
      .regex(/^[^{}\s]{1,64}$/, 'at most 64 characters, no braces and no blanks')
      .default('transvisor'),
    user: z.string().max(255).optional(),
    passwordFile: path.optional(),
    /** Of the Sentinels, where they have others. */
    sentinelUser: z.string().max(255).optional(),
    sentinelPasswordFile: path.optional(),
    /** Who may have signed the certificates of `rediss:` addresses; the authorities of the system when absent. */
    caFile: path.optional(),
    /** Replicas that have a write before it counts as done. */
    waitReplicas: z.int().min(0).max(10).default(0),
  })
  .superRefine((redis, context) => {
    const ways = [redis.url, redis.sentinels, redis.cluster].filter((way) => way !== undefined).length;
    if (ways !== 1) context.addIssue({ code: 'custom', message: 'one of url, sentinels and cluster is needed' });
    if ((redis.sentinels === undefined) !== (redis.name === undefined))
      context.addIssue({ code: 'custom', message: 'sentinels and name belong together' });
  })
  .optional();

/** `[server]`: this one among several. */
export const serverShape = z
  .strictObject({
    /** This machine's name when absent. */
    name: z
      .string()
      .regex(/^[^{}\s]{1,255}$/, 'at most 255 characters, no braces and no blanks')
      .optional(),
    /** Where the others reach its link; the address of the link when absent. */
    address: z.string().min(1).max(4096).optional(),
  })
  .prefault({});
