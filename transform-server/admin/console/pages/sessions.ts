/** The page Sessions: which clients are logged in where. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ask, may } from '../api.ts';
import { agoText, timeText } from '../format.ts';
import { useList } from '../list.ts';
import { asked, Filters, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';

interface Session {
  readonly id: string;
  readonly front: string;
  readonly user: string;
  readonly role: string;
  readonly address: string;
  readonly userAgent: string;
  readonly createdMs: number;
  readonly lastActiveMs: number;
  readonly calls: number;
}

const keyOf = ({ id }: Session): string => id;

export const Sessions = ({ place }: { readonly place: Place }): VNode => {
  const { items, problem, more } = useList<Session>('/sessions', asked(place, ['front', 'user']), keyOf, ['session']);
  const [refused, setRefused] = useState<string>();
  const end = (session: Session): void => {
    if (!confirm(`End the session of ${session.user} from ${session.address}?`)) return;
    ask(`/sessions/${session.id}`, 'DELETE').then(
      () => setRefused(undefined),
      (error: unknown) => setRefused(error instanceof Error ? error.message : String(error)),
    );
  };
  const columns: readonly Column<Session>[] = [
    { name: 'User', width: 'minmax(6rem, 0.6fr)', cell: ({ user }) => user },
    { name: 'Role', width: '8rem', cell: ({ role }) => role },
    { name: 'From', width: 'minmax(8rem, 0.6fr)', cell: ({ address }) => address },
    { name: 'Front', width: 'minmax(8rem, 0.8fr)', cell: ({ front }) => front },
    {
      name: 'Client',
      width: 'minmax(8rem, 1fr)',
      cell: ({ userAgent }) => html`<span title=${userAgent}>${userAgent}</span>` as VNode,
    },
    { name: 'Since', width: '9rem', cell: ({ createdMs }) => timeText(createdMs) },
    { name: 'Last call', width: '7rem', cell: ({ lastActiveMs }) => agoText(lastActiveMs) },
    { name: 'Calls', width: '4rem', isNumber: true, cell: ({ calls }) => calls },
    {
      name: 'Exchanges',
      width: '6.5rem',
      cell: ({ user }) => html`<a href=${addressOf(['exchanges'], { user })}>show</a>` as VNode,
    },
    ...(may('operator')
      ? [
          {
            name: 'End',
            width: '4rem',
            cell: (session: Session) =>
              html`<button type="button" class="small" onClick=${() => end(session)}>end</button>` as VNode,
          },
        ]
      : []),
  ];
  return html`<h1>Sessions</h1>
    <${Filters} place=${place} of=${[
      { kind: 'text', name: 'front', label: 'Front' },
      { kind: 'text', name: 'user', label: 'User' },
    ]} />
    <${Told} problem=${problem ?? refused} />
    <${Rows} label="Sessions" columns=${columns} rows=${items} keyOf=${keyOf} onEnd=${more} empty="nobody is logged in" />` as unknown as VNode;
};
