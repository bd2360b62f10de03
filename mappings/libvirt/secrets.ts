/** A definition without its secrets and the host's own with them in; the definition with the secrets of what is still in it out. */
import { annotation } from './markup.ts';
import { attribute, child, children, parseSpans, path, type Span, source, splice, textOf } from './spans.ts';

/*
 * libvirt leaves two things out of a document that is not read with VIR_DOMAIN_XML_SECURE: the password of a display, and the cookies of a
 * disk that is fetched over HTTP (seen: libvirt 9.0). A definition without them takes them away, and a display without a password is open
 * to whoever reaches its port. So they are put back at the host, on their way into the definition: no other part of us reads them.
 */

type Edit = { from: number; to: number; put: string };

/** The n-th display of a type is the n-th of that type before. */
const passwords = (text: string, domain: Span, secret: string, known: Span): Edit[] => {
  const ofType = (xml: string, root: Span, type: string | undefined): readonly Span[] =>
    children(child(root, 'devices'), 'graphics').filter((span) => attribute(xml, span, 'type') === type);
  return children(child(domain, 'devices'), 'graphics').flatMap((span) => {
    if (attribute(text, span, 'passwd') !== undefined) return [];
    const type = attribute(text, span, 'type');
    const before = ofType(secret, known, type)[ofType(text, domain, type).indexOf(span)];
    const passwd = before && attribute(secret, before, 'passwd');
    return passwd === undefined ? [] : [annotation(span, { passwd })];
  });
};

const targetOf = (text: string, disk: Span): string => {
  const target = child(disk, 'target');
  return (target && attribute(text, target, 'dev')) ?? '';
};

/** Cookies belong to the place a disk is read from, so only the same disk of the same place gets them back. */
const cookies = (text: string, domain: Span, secret: string, known: Span): Edit[] => {
  const before = children(child(known, 'devices'), 'disk');
  return children(child(domain, 'devices'), 'disk').flatMap((disk): Edit[] => {
    const from = child(disk, 'source');
    if (from === undefined || child(from, 'cookies') !== undefined) return [];
    const place = (xml: string, span: Span): string =>
      [
        ...['protocol', 'name'].map((name) => attribute(xml, span, name)),
        ...children(span, 'host').map((host) => attribute(xml, host, 'name')),
      ].join('\n');
    const same = before.find((one) => targetOf(secret, one) === targetOf(text, disk));
    const old = same && child(same, 'source');
    const found = child(old, 'cookies');
    if (old === undefined || found === undefined || place(secret, old) !== place(text, from)) return [];
    const put = source(secret, found);
    const isEmpty = from.openEnd === from.end;
    return isEmpty
      ? [{ from: from.openEnd - 2, to: from.end, put: `>${put}</source>` }]
      : [{ from: from.closeStart, to: from.closeStart, put }];
  });
};

/** `text` and `secret` are domains, or snapshots with the domains in them. */
export const withSecrets = (text: string, secret: string): string => {
  const [root, known] = [parseSpans(text), parseSpans(secret)];
  const pairs: [Span, Span][] = root.name === 'domain' && known.name === 'domain' ? [[root, known]] : [];
  for (const name of ['domain', 'inactiveDomain']) {
    const [mine, theirs] = [child(root, name), child(known, name)];
    if (root.name === 'domainsnapshot' && mine && theirs) pairs.push([mine, theirs]);
  }
  const edits = pairs.flatMap(([domain, before]) => [
    ...passwords(text, domain, secret, before),
    ...cookies(text, domain, secret, before),
  ]);
  return edits.length === 0 ? text : splice(text, edits);
};

/** The domain that a definition is of; '' when the host is to choose. */
export const definedUuid = (text: string): string => textOf(text, child(parseSpans(text), 'uuid')).trim();

/** Of a snapshot's definition: the snapshot's own name. */
export const definedSnapshot = (text: string): string => textOf(text, path(parseSpans(text), 'name')).trim();
