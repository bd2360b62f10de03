/** Bodies that are no request, by what is wrong with each; and specs that a test fills with what cannot be. */
import { envelope, escapeXml } from './raw-soap.ts';

export const MALFORMED: Readonly<Record<string, string | Buffer>> = {
  nothing: '',
  'no XML': 'PowerOnVM_Task',
  'an end too few': envelope(
    '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">ServiceInstance</_this>',
  ).replace('</Body>', ''),
  'XML of another kind': '<html><body>hello</body></html>',
  'an empty body': envelope(''),
  'bytes that are no UTF-8': Buffer.concat([
    Buffer.from(envelope('<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">').slice(0, -20)),
    Buffer.from([0xff, 0xfe, 0xc3, 0x28]),
  ]),
  'a NUL in the text': envelope(
    '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">Service\u0000Instance</_this></CurrentTime>',
  ),
  'an undeclared prefix': envelope(
    '<q:CurrentTime><_this type="ServiceInstance">ServiceInstance</_this></q:CurrentTime>',
  ),
  'a DTD': `<!DOCTYPE e [<!ENTITY a "b">]>${envelope('<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">&a;</_this></CurrentTime>').replace(/^<\?xml[^>]*>\s*/, '')}`,
  'an entity bomb': `<!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">]>${envelope('<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">&e;</_this></CurrentTime>').replace(/^<\?xml[^>]*>\s*/, '')}`,
  'an external entity': `<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/passwd">]>${envelope('<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">&x;</_this></CurrentTime>').replace(/^<\?xml[^>]*>\s*/, '')}`,
  'an entity nobody declared': envelope(
    '<CurrentTime xmlns="urn:vim25"><_this type="ServiceInstance">&nope;</_this></CurrentTime>',
  ),
  'elements nested 1,500 deep': envelope(
    `<CurrentTime xmlns="urn:vim25">${'<a>'.repeat(1500)}${'</a>'.repeat(1500)}</CurrentTime>`,
  ),
  'elements nested 100,000 deep': envelope(
    `<CurrentTime xmlns="urn:vim25">${'<a>'.repeat(100_000)}${'</a>'.repeat(100_000)}</CurrentTime>`,
  ),
};

export const disk = (capacityKB: string, file = '[default]'): string =>
  `<deviceChange><operation>add</operation><fileOperation>create</fileOperation><device xsi:type="VirtualDisk"><key>-1</key><backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>${escapeXml(file)}</fileName><diskMode>persistent</diskMode></backing><controllerKey>200</controllerKey><unitNumber>1</unitNumber><capacityInKB>${capacityKB}</capacityInKB></device></deviceChange>`;
export const createSpec = (name: string, inner = ''): string =>
  `<config><name>${escapeXml(name)}</name><guestId>otherGuest</guestId><files><vmPathName>[default]</vmPathName></files><numCPUs>1</numCPUs><memoryMB>32</memoryMB>${inner}</config><pool type="ResourcePool">ha-root-pool</pool>`;
