/** Server-sent events of the admin API in, calls of those who follow a kind of them out; the connection is shared and comes back by itself. */
import { useEffect } from 'preact/hooks';
import { ask } from './api.ts';

export interface Told {
  readonly kind: string;
  readonly id?: string;
  readonly [more: string]: unknown;
}
type Listener = (told: Told) => void;

const listeners = new Map<string, Set<Listener>>();
let source: EventSource | undefined;
let isUp = false;
const watchers = new Set<(isUp: boolean) => void>();

const tell = (up: boolean): void => {
  if (up === isUp) return;
  isUp = up;
  for (const watcher of watchers) watcher(up);
};

const KINDS = ['exchange', 'object', 'job', 'session', 'host', 'agent', 'metric', 'audit', 'mapping', 'reset'];

/** A browser asks again by itself where the connection broke, and never again where it was refused. */
const AGAIN_MS = 3000;
let again: ReturnType<typeof setTimeout> | undefined;

export const connect = (): void => {
  clearTimeout(again);
  source?.close();
  const opened = new EventSource('/api/v1/events');
  source = opened;
  opened.onopen = () => tell(true);
  opened.onerror = () => {
    tell(false);
    if (opened.readyState !== EventSource.CLOSED || opened !== source) return;
    // It does not say why: who is not logged in any more is told by this.
    ask('/me').catch(() => {});
    again = setTimeout(connect, AGAIN_MS);
  };
  for (const kind of KINDS)
    source.addEventListener(kind, (event) => {
      const told = { kind, ...(JSON.parse((event as MessageEvent<string>).data) as object) };
      for (const listener of listeners.get(kind) ?? []) listener(told);
    });
};
export const disconnect = (): void => {
  clearTimeout(again);
  source?.close();
  source = undefined;
  tell(false);
};

export const follow = (kind: string, listener: Listener): (() => void) => {
  const found = listeners.get(kind) ?? new Set();
  listeners.set(kind, found);
  found.add(listener);
  return () => void found.delete(listener);
};

export const onConnection = (watcher: (isUp: boolean) => void): (() => void) => {
  watchers.add(watcher);
  watcher(isUp);
  return () => void watchers.delete(watcher);
};

/** `act` at most so often, however much is told. */
export const useLive = (kinds: readonly string[], act: () => void, everyMs = 500): void => {
  const key = kinds.join(' ');
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        act();
      }, everyMs);
    };
    const ends = [...key.split(' '), 'reset'].map((kind) => follow(kind, soon));
    return () => {
      clearTimeout(timer);
      for (const end of ends) end();
    };
  }, [key, act, everyMs]);
};
