/** The page Jobs: what commands became; one of them with its plan, step by step, and its journal. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ask, may, useAsked } from '../api.ts';
import { durationText, timeText } from '../format.ts';
import { useList } from '../list.ts';
import { useLive } from '../live.ts';
import { asked, Document, Facts, Filters, State, To, Told } from '../parts.ts';
import { addressOf, type Place } from '../router.ts';
import { type Column, Rows } from '../rows.ts';

interface Job {
  readonly id: string;
  readonly verb: string;
  readonly host: string;
  readonly target: string;
  readonly targetName: string;
  readonly user: string;
  readonly front: string;
  readonly method: string;
  readonly exchange: string;
  readonly state: string;
  readonly progress?: number;
  readonly queuedMs: number;
  readonly startedMs?: number;
  readonly finishedMs?: number;
  readonly fault?: unknown;
  readonly result?: unknown;
}
interface Step {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly attempt: number;
  readonly call: unknown;
  readonly probe: unknown;
  readonly undo?: unknown;
  readonly outcome?: unknown;
}
interface Whole extends Job {
  readonly plan?: { readonly queue: string; readonly end?: string; readonly steps: readonly Step[] };
  /** Why it cannot be taken back; absent: it can. */
  readonly lasting?: string;
  readonly journal: readonly { readonly atMs: number; readonly what: string; readonly detail: unknown }[];
}

const keyOf = ({ id }: Job): string => id;
const tookText = ({ queuedMs, finishedMs }: Job): string =>
  finishedMs === undefined ? '' : durationText(finishedMs - queuedMs);

const COLUMNS: readonly Column<Job>[] = [
  { name: 'Time', width: '9rem', cell: ({ queuedMs }) => timeText(queuedMs) },
  { name: 'Job', width: '7rem', cell: ({ id }) => html`<${To} words=${['jobs', id]} />` as VNode },
  { name: 'Command', width: '10rem', cell: ({ verb }) => verb },
  { name: 'Method', width: 'minmax(9rem, 1fr)', cell: ({ method }) => method },
  {
    name: 'On',
    width: 'minmax(9rem, 1fr)',
    cell: ({ target, targetName }) =>
      html`<${To} words=${['objects', target]}>${targetName || target}</${To}>` as VNode,
  },
  { name: 'User', width: '8rem', cell: ({ user }) => user },
  { name: 'Took', width: '6rem', isNumber: true, cell: tookText },
  {
    name: 'State',
    width: '8rem',
    cell: ({ state, progress }) =>
      state === 'running' && progress !== undefined
        ? (html`<progress max="100" value=${progress} aria-label="progress">${progress} %</progress>` as VNode)
        : (html`<${State} of=${state} />` as VNode),
  },
];

/** What it does is said before it is done; the job that does it is shown then. */
const RollBack = ({ job }: { readonly job: Whole }): VNode | null => {
  const [asked, setAsked] = useState(false);
  const [problem, setProblem] = useState<string>();
  if (job.lasting !== undefined) return html`<p class="soft">It cannot be taken back: ${job.lasting}</p>` as VNode;
  if (!may('operator')) return html`<p class="soft">It can be taken back by an operator.</p>` as VNode;
  const act = (): void => {
    ask<{ job: string }>(`/jobs/${encodeURIComponent(job.id)}/rollback`, 'POST').then(
      (answer) => {
        location.hash = addressOf(['jobs', answer.job]);
      },
      (error: unknown) => {
        setAsked(false);
        setProblem(error instanceof Error ? error.message : String(error));
      },
    );
  };
  const undos = (job.plan?.steps ?? []).filter(({ state }) => state === 'done').map(({ name }) => name);
  return html`<section aria-label="Roll back">
    <${Told} problem=${problem} />
    ${
      asked
        ? html`<div class="panel" role="alertdialog" aria-label="Roll back this job?">
            <p>The undos of these steps go to the host, in this order: ${undos.toReversed().join(', ')}.</p>
            <button type="button" class="primary" autofocus onClick=${act}>Roll it back</button>${' '}
            <button type="button" onClick=${() => setAsked(false)}>Leave it</button>
          </div>`
        : html`<button type="button" onClick=${() => setAsked(true)}>Roll back</button>`
    }
  </section>` as unknown as VNode;
};

const One = ({ id }: { readonly id: string }): VNode => {
  const { value: job, problem, again } = useAsked<Whole>(`/jobs/${encodeURIComponent(id)}`);
  useLive(['job'], again);
  if (job === undefined)
    return html`<p class="crumbs"><a href="#/jobs">Jobs</a></p><h1>Job ${id}</h1><${Told} problem=${problem} />` as unknown as VNode;
  return html`<p class="crumbs"><a href="#/jobs">Jobs</a> / ${job.id}</p>
    <h1>${job.verb} on ${job.targetName || job.target}</h1>
    <${Facts}
      of=${[
        ['State', html`<${State} of=${job.state} />`],
        ['Target', html`<${To} words=${['objects', job.target]} />`],
        ['Asked by', `${job.user} at ${job.front}, ${job.method}`],
        ['Exchange', job.exchange === '' ? '' : html`<${To} words=${['exchanges', job.exchange]} />`],
        ['Queued', timeText(job.queuedMs)],
        ['Took', tookText(job)],
        ...(job.plan?.end === undefined ? [] : [['Plan ended', job.plan.end] as const]),
      ]}
    />
    ${job.fault === undefined ? '' : html`<h2>Fault</h2><${Document} label="Fault" value=${job.fault} />`}
    ${job.result === undefined ? '' : html`<h2>Result</h2><${Document} label="Result" value=${job.result} />`}
    ${job.finishedMs === undefined ? '' : html`<${RollBack} key=${id} job=${job} />`}
    <h2>Plan</h2>
    ${
      job.plan === undefined
        ? html`<p class="soft">A direct command: its agent sent it to the host without a plan.</p>`
        : html`<ol class="steps">
            ${job.plan.steps.map(
              (step) => html`<li class="panel">
                <strong>${step.name}</strong> <${State} of=${step.state} /> <small>${step.kind}, attempt ${step.attempt}</small>
                <details><summary>call</summary><${Document} label="Call" value=${step.call} /></details>
                ${step.outcome === undefined ? '' : html`<details><summary>outcome</summary><${Document} label="Outcome" value=${step.outcome} /></details>`}
                ${step.undo === undefined ? '' : html`<details><summary>undo</summary><${Document} label="Undo" value=${step.undo} /></details>`}
                <details><summary>probe</summary><${Document} label="Probe" value=${step.probe} /></details>
              </li>`,
            )}
          </ol>`
    }
    <h2>Journal</h2>
    <table>
      <thead><tr><th scope="col">Time</th><th scope="col">What</th><th scope="col">Detail</th></tr></thead>
      <tbody>
        ${job.journal.map(
          (line) =>
            html`<tr><td>${timeText(line.atMs)}</td><td>${line.what}</td><td><code>${JSON.stringify(line.detail)}</code></td></tr>`,
        )}
      </tbody>
    </table>` as unknown as VNode;
};

export const Jobs = ({ place }: { readonly place: Place }): VNode => {
  const id = place.words[1];
  const names = ['state', 'verb', 'user', 'target', 'host'];
  const { items, problem, more } = useList<Job>('/jobs', asked(place, names), keyOf, ['job']);
  if (id !== undefined) return html`<${One} id=${id} />` as VNode;
  return html`<h1>Jobs</h1>
    <${Filters} place=${place} of=${[
      { kind: 'choice', name: 'state', label: 'State', choices: ['queued', 'running', 'success', 'error'] },
      { kind: 'text', name: 'verb', label: 'Command' },
      { kind: 'text', name: 'user', label: 'User' },
      { kind: 'text', name: 'target', label: 'Object' },
    ]} />
    <${Told} problem=${problem} />
    <${Rows} label="Jobs" columns=${COLUMNS} rows=${items} keyOf=${keyOf} onEnd=${more} empty="no command was given yet"
      onOpen=${(job: Job) => {
        location.hash = addressOf(['jobs', job.id]);
      }} />` as unknown as VNode;
};
