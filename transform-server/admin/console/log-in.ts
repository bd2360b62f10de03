/** The form that lets a person in. */
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { ask, type Me } from './api.ts';

export const LogIn = ({ entered }: { readonly entered: (me: Me) => void }): VNode => {
  const [problem, setProblem] = useState('');
  const [busy, setBusy] = useState(false);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    setBusy(true);
    ask<Me>('/login', 'POST', { user: form.get('user'), password: form.get('password') })
      .then(entered)
      .catch((error: unknown) => setProblem(error instanceof Error ? error.message : String(error)))
      .finally(() => setBusy(false));
  };
  return html`<main class="log-in">
    <form onSubmit=${submit} aria-labelledby="log-in-title">
      <h1 id="log-in-title"><img src="/console/icon.svg" alt="" width="32" height="32" /> Transvisor</h1>
      <label>User <input name="user" autocomplete="username" required autofocus /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      ${problem === '' ? '' : html`<p role="alert" class="problem">${problem}</p>`}
      <button type="submit" class="primary" disabled=${busy}>Log in</button>
    </form>
  </main>` as VNode;
};
