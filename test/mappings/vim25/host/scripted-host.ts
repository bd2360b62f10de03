/** A vim25 host of scripted answers: the requests of a conversation in, SOAP answers by method name out; nothing of it is our own encoder's. */
import type { HostEvent, HttpAsk, HttpGot, HttpTalk } from '../../../../mappings/generic/platform.ts';

export type Asked = { readonly method: string; readonly body: string; readonly ask: HttpAsk };
/** The inside of the answer's element; or status and whole body. */
export type Script = Readonly<Record<string, (asked: Asked, times: number) => string | HttpGot>>;

const envelope = (inner: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>${inner}</soapenv:Body></soapenv:Envelope>`;

export const got = (status: number, body: string, headers: Record<string, string> = {}): HttpGot => ({
  status,
  headers,
  body: Buffer.from(body),
});

export const faulted = (type: string, text: string, inner = ''): HttpGot =>
  got(
    500,
    envelope(
      `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>${text}</faultstring><detail><${type}Fault xmlns="urn:vim25" xsi:type="${type}">${inner}</${type}Fault></detail></soapenv:Fault>`,
    ),
  );

const CONTENT = (apiType: string): string =>
  `<returnval><rootFolder type="Folder">root</rootFolder><propertyCollector type="PropertyCollector">pc</propertyCollector><viewManager type="ViewManager">views</viewManager><about><name>N</name><apiType>${apiType}</apiType><apiVersion>6.5</apiVersion></about><sessionManager type="SessionManager">sm</sessionManager></returnval>`;

export const LOG_IN: Script = {
  RetrieveServiceContent: () => CONTENT('HostAgent'),
  Login: (_, times) =>
    got(200, envelope('<LoginResponse xmlns="urn:vim25"><returnval><key>k</key></returnval></LoginResponse>'), {
      'set-cookie': `vmware_soap_session="session-${times}"; Path=/; HttpOnly; Secure`,
    }),
};

export const scriptedHost = (script: Script) => {
  const asked: Asked[] = [];
  const answer = (ask: HttpAsk): HttpGot => {
    const body = String(ask.body);
    const method = /<(\w+) xmlns="urn:vim25">/.exec(body)?.[1] ?? '';
    asked.push({ method, body, ask });
    const row = script[method];
    if (row === undefined) throw new Error(`nothing is said to ${method}`);
    const said = row({ method, body, ask }, asked.filter((one) => one.method === method).length);
    return typeof said === 'string'
      ? got(200, envelope(`<${method}Response xmlns="urn:vim25">${said}</${method}Response>`))
      : said;
  };
  return {
    asked,
    methods: () => asked.map(({ method }) => method),
    /** Runs a talk to its end, or until it has told so many rounds of events. */
    run: <T>(
      talk: HttpTalk<T>,
      rounds = Number.POSITIVE_INFINITY,
    ): { value: T | undefined; events: HostEvent[][]; pausedMs: number } => {
      const events: HostEvent[][] = [];
      let pausedMs = 0;
      for (let next = talk.next(); ; ) {
        if (next.done === true) return { value: next.value, events, pausedMs };
        const step = next.value;
        if (step.step === 'ask') next = talk.next(answer(step.ask));
        else {
          if (step.step === 'events') events.push([...step.events]);
          else pausedMs += step.ms;
          if (events.length >= rounds) {
            talk.return(undefined as never);
            return { value: undefined, events, pausedMs };
          }
          next = talk.next();
        }
      }
    },
  };
};
