/** The vim25 front under the fuzzer: SOAP envelopes of recorded and generated requests, bent. */
import { rawSoap } from '../peers/raw-soap.ts';
import { createBelongings, openEstate } from './estate.ts';
import type { FuzzFront } from './front.ts';
import { mayWait, reachOf, readAnswer } from './judge.ts';
import { mutate } from './mutations.ts';
import { loadSeeds } from './seeds.ts';
import { createSender } from './sender.ts';

/** The host's own words for what it does not do to a machine as it is now: the API has no other fault for them. */
const HINDERED = /Requested operation is not valid/;

export const vim25Front: FuzzFront = async (product) => {
  const seeds = loadSeeds();
  const endpoint = product.front('vim25');
  const keeper = rawSoap(endpoint);
  if ((await keeper.logIn()).fault !== undefined) throw new Error('the keeper cannot log in');
  const estate = await openEstate(keeper);
  return {
    driverShare: 0.15,
    warmShare: 0.6,
    worker: (dice) => {
      const sender = createSender(endpoint);
      const belongings = createBelongings(estate);
      return {
        next: () => {
          const { body, kind } = mutate(dice.weighted(seeds)(belongings.estate, dice), dice, belongings.estate);
          const { reach, call } = reachOf(body);
          const label = call?.method ?? 'undecoded';
          return { body, mutation: kind, reach, label, waits: mayWait(call), ending: 'xml', path: '/sdk' };
        },
        send: ({ body }, limitMs) => sender.send(body, limitMs),
        judge: (_attempt, status, body) => {
          const { fault, text, problem } = readAnswer(status, body);
          if (fault === undefined && problem === undefined) belongings.note(body);
          const sessionLost = fault === 'NotAuthenticated';
          if (sessionLost) belongings.forget();
          const failed = fault === 'SystemError' && !HINDERED.test(text ?? '');
          return { fault, problem, internal: failed ? (text ?? '') : undefined, sessionLost };
        },
        logIn: () => sender.logIn(),
        close: () => sender.close(),
      };
    },
    tend: async () => {
      await keeper.logIn();
      await estate.tend();
    },
    size: estate.size,
    close: () => keeper.close(),
  };
};
