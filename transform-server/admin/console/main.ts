/** The console's shell: who is logged in, where one is, and the page of that place. */
import { html, render } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { ask, isMe, type Me, onLoggedOut } from './api.ts';
import { connect, disconnect, onConnection } from './live.ts';
import { LogIn } from './log-in.ts';
import { PAGES } from './pages.ts';
import { addressOf, usePlace } from './router.ts';
import { ThemeButton } from './theme.ts';

const Connection = (): VNode => {
  const [isUp, setUp] = useState(false);
  useEffect(() => onConnection(setUp), []);
  return html`<span class=${`live ${isUp ? 'up' : 'down'}`} role="status">${isUp ? 'live' : 'not connected'}</span>` as VNode;
};

const Shell = ({ me, leave }: { me: Me; leave: () => void }): VNode => {
  const place = usePlace();
  const name = place.words[0] ?? 'overview';
  const page = PAGES.find((one) => one.name === name);
  useEffect(() => {
    document.title = `${page?.title ?? 'Not found'} - Transvisor`;
  }, [page]);
  return html`
    <a class="skip" href="#content" onClick=${(event: Event) => {
      event.preventDefault();
      document.getElementById('content')?.focus();
    }}>Skip to the content</a>
    <header>
      <a class="brand" href="#/"><img src="/console/icon.svg" alt="" width="22" height="22" />Transvisor</a>
      <nav aria-label="Pages">
        ${PAGES.map(
          (one) =>
            html`<a href=${addressOf([one.name])} aria-current=${one.name === name ? 'page' : undefined}>${one.title}</a>`,
        )}
      </nav>
      <div class="who">
        <${Connection} />
        <${ThemeButton} />
        <span>${me.name} <small>${me.role}</small></span>
        <button type="button" onClick=${leave}>Log out</button>
      </div>
    </header>
    <main id="content" tabindex="-1">
      ${page === undefined ? html`<h1>There is no page ${name}</h1><p><a href="#/">Overview</a></p>` : html`<${page.View} key=${name} place=${place} />`}
    </main>
  ` as unknown as VNode;
};

const App = (): VNode => {
  const [me, setMe] = useState<Me | null | undefined>();
  const enter = (next: Me): void => {
    isMe(next);
    connect();
    setMe(next);
  };
  const out = (): void => {
    isMe(undefined);
    disconnect();
    setMe(null);
  };
  useEffect(() => {
    onLoggedOut(out);
    ask<Me>('/me').then(enter, out);
  }, []);
  if (me === undefined) return html`<p class="loading">Loading</p>` as VNode;
  if (me === null) return html`<${LogIn} entered=${enter} />` as VNode;
  const leave = (): void => void ask('/logout', 'POST').finally(out);
  return html`<${Shell} me=${me} leave=${leave} />` as VNode;
};

const root = document.getElementById('app');
if (root !== null) render(html`<${App} />` as VNode, root);
